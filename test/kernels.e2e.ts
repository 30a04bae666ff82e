// Several kernels in one command, and the cache as processes that live and die side by side see it.
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { bundleStorer, startStorer } from "../plugins/kernel-sources/test/storers.ts"
import { type Ended, ktstr, leftovers, none, root } from "./ktstr.ts"
import { guestKernel, kernel61 } from "./lab/GuestKernel.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-kernels-"))
const image = join(scratch, "copied image")
beforeAll(() => {
  symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"))
  copyFileSync(inject("kernel").image, image)
  writeFileSync(
    join(scratch, "short.ktstr.ts"),
    `import { ktstrTest } from "@ktstr/vitest"\nktstrTest("short", { topology: "1n1l1c1t", durationS: 0.3 }, "steady")\n`
  )
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

interface Run {
  readonly scenario: string
  readonly variant: string
  readonly outcome: string
  readonly kernel: { readonly label: string; readonly image: string }
}

describe("several kernels", () => {
  const labels = [/^kernel_distro_/, /^kernel_path_copied_image_[0-9a-f]{6}$/]

  it("are a dimension of ktstr test: each test runs on each, by its label", async () => {
    const { image: cached, version } = inject("kernel")
    const twice = ["--kernel", version, "--kernel", image, "--kernel", version]
    const { code, stdout } = await ktstr(["test", ...twice, "--format", "json"], { cwd: scratch })
    const { runs } = JSON.parse(stdout) as { runs: ReadonlyArray<Run> }
    expect(runs.map(({ scenario, outcome, kernel }) => [scenario, outcome, kernel.image])).toEqual([
      ["short", "pass", cached],
      ["short", "pass", image]
    ])
    expect(runs.map(({ variant }) => variant)).toEqual(labels.map((label) => expect.stringMatching(label)))
    expect(code).toBe(0)
    // No machine boots for a filter that leaves both out: it sees the label as part of the name.
    const filtered = await ktstr(["test", ...twice, "--filter", "short/kernel_git"], { cwd: scratch })
    expect(filtered.stderr).toMatch(
      /^ktstr: no test matches --filter 'short\/kernel_git'; there are: short\/kernel_distro_\S+, short\/kernel_path_copied_image_/m
    )
    expect(filtered.code).toBe(64)
    expect(await leftovers()).toEqual(none)
  })

  it("are run one after the other by ktstr run, whose lines tell them apart", async () => {
    const short = ["run", "steady", "--topology", "1n1l1c1t", "--duration", "0.3"]
    const { code, stdout } = await ktstr([...short, "--kernel", inject("kernel").version, "--kernel", image])
    expect(stdout).toMatch(
      /^PASS steady\/kernel_distro_\S+ on 1n1l1c1t.*[\s\S]*^PASS steady\/kernel_path_copied_image_/m
    )
    expect(stdout).toMatch(/^2 pass$/m)
    expect(code).toBe(0)
  })

  it("that can't be had end it before anything boots, with a line for each", async () => {
    const wrong = ["--kernel", "/nowhere/bzImage", "--kernel", inject("kernel").version, "--kernel", "no-such-key"]
    for (const command of [["run", "steady"], ["test"]]) {
      const { code, stdout, stderr } = await ktstr([...command, ...wrong], { cwd: scratch })
      expect(stderr.trim().split("\n")).toEqual([
        expect.stringMatching(/^ktstr: kernel '\/nowhere\/bzImage' given by --kernel does not exist/),
        expect.stringMatching(/^no kernel 'no-such-key' given by --kernel/)
      ])
      expect([code, stdout]).toEqual([64, ""])
    }
  })
})

describe("a kernel from before EEVDF", () => {
  it("runs, and its scheduler is named cfs in the text and in the JSON", async () => {
    const { image, version } = await guestKernel(kernel61)
    expect(version).toMatch(/^6\.1\./)
    const short = ["run", "steady", "--topology", "1n1l1c1t", "--duration", "0.5", "--clock", "deterministic"]
    const formats = ["pretty", "json"].map((format) => ktstr([...short, "--kernel", image, "--format", format]))
    const [text, json] = (await Promise.all(formats)) as [Ended, Ended]
    expect(text.stdout, text.stderr).toMatch(/^PASS steady on 1n1l1c1t · kernel 6\.1\.\S+ · cfs · /)
    expect(text.code).toBe(0)
    expect(JSON.parse(json.stdout)).toMatchObject({ outcome: "pass", scheduler: "cfs" })
    expect(await leftovers()).toEqual(none)
  }, 300_000)
})

describe("a store of a real kernel", () => {
  it("that is killed at any moment leaves nothing that list calls valid and a boot refuses", async () => {
    const cache = join(scratch, "killed")
    const program = join(scratch, "storer.mjs")
    await bundleStorer(program)
    const store = () => startStorer(program, cache, dirname(inject("kernel").image), "kernel")
    const whole = store()
    await whole.begins
    const began = performance.now()
    expect((await whole.ended).code).toBe(0)
    const env = { KTSTR_CACHE_DIR: cache }
    const listed = async () =>
      JSON.parse((await ktstr(["kernel", "list", "--verify", "--json"], { env })).stdout).entries
    let lasts = performance.now() - began
    // Each replaces the entry of the one before, as far as it gets. One that was done before its moment, since the host has become faster,
    // is tried again sooner: all five are killed while they do so.
    for (let moment = 1; moment <= 5; ) {
      const { child, begins, ended } = store()
      await begins
      await new Promise((resolve) => setTimeout(resolve, (lasts * moment) / 6))
      child.kill("SIGKILL")
      if ((await ended).said.includes("stored")) {
        lasts *= 0.8
        continue
      }
      expect(await listed()).toMatchObject([{ key: "kernel", valid: true }])
      moment++
    }
    const short = ["run", "steady", "--topology", "1n1l1c1t", "--duration", "0.3", "--kernel", "kernel"]
    const { code, stdout, stderr } = await ktstr(short, { env })
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).toMatch(/^PASS steady/)
    expect(await leftovers()).toEqual(none)
  })
})
