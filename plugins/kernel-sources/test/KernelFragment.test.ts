import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { kernelFragment, kernelFragmentHash, kernelFragmentText, missingOptions } from "../src/build/KernelFragment.ts"

it("writes each option once, as merge_config.sh takes it", () => {
  const names = kernelFragment.flatMap(({ options }) => options.map((option) => option.split("=")[0]))
  expect(new Set(names).size).toBe(names.length)
  const lines = kernelFragmentText.trim().split("\n")
  expect(lines).toContain("CONFIG_SCHED_CLASS_EXT=y")
  expect(lines).toContain("CONFIG_NR_CPUS=512")
  expect(lines).toContain("# CONFIG_RT_GROUP_SCHED is not set")
  for (const line of lines) expect(line).toMatch(/^(CONFIG_[A-Z0-9_]+=(y|[0-9]+)|# .+)$/)
})

it.effect("has a hash that is stable", () =>
  Effect.gen(function* () {
    expect(yield* kernelFragmentHash).toMatch(/^[0-9a-f]{64}$/)
    expect(yield* kernelFragmentHash).toBe(yield* kernelFragmentHash)
  })
)

it("misses nothing in the fragment itself, and says what an old source lacks", () => {
  expect(missingOptions(kernelFragmentText)).toEqual([])
  const old = kernelFragmentText
    .replace("CONFIG_SCHED_CLASS_EXT=y\n", "")
    .replace("CONFIG_DEBUG_INFO_BTF=y", "# CONFIG_DEBUG_INFO_BTF is not set")
  expect(missingOptions(old).map(({ option }) => option)).toEqual(["CONFIG_SCHED_CLASS_EXT", "CONFIG_DEBUG_INFO_BTF"])
  expect(missingOptions(old)[1]?.why).toContain("pahole")
})
