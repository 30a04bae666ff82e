// `npm run schedulers [KERNEL…]`: builds the example schedulers of the kernels' own source, prints their paths.
// `npm run table:schedulers [PART|EXAMPLE…]`: runs them and the fixture, and writes docs/schedulers.md.
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { NodeContext } from "@effect/platform-node"
import { Scenarios } from "@ktstr/core"
import { compareVersions, KernelCache, type KernelEntry, layerKernelCache } from "@ktstr/core/kernel"
import { layerRegistries } from "@ktstr/harness"
import { Effect, Layer } from "effect"
import { exampleNames, examplesFor } from "./KernelSchedulers.ts"
import { knobTable } from "./Knobs.ts"
import { fixture, matrix, repeat, stall, type TestedKernel } from "./Table.ts"

const root = fileURLToPath(new URL("../../..", import.meta.url))
const page = `${root}docs/schedulers.md`
const program = `${root}native/bpf/build/scx_ktstr`

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Kernels with sched_ext in the cache: the named ones, else the newest of each series. */
const findKernels = async (named: ReadonlyArray<string>): Promise<ReadonlyArray<KernelEntry>> => {
  const layer = layerKernelCache.pipe(Layer.provide(NodeContext.layer))
  const listed = await Effect.runPromise(
    Effect.provide(
      Effect.flatMap(KernelCache, (cache) => cache.list),
      layer
    )
  )
  const able = listed
    .flatMap((found) => (found._tag === "Valid" && found.entry.metadata.schedExt === true ? [found.entry] : []))
    .sort((a, b) => compareVersions(b.metadata.version, a.metadata.version))
  if (named.length > 0) {
    return named.map((name) => {
      const found = able.find(({ key, metadata }) => key === name || metadata.version.startsWith(name))
      if (found === undefined)
        throw new Error(`no kernel '${name}' with sched_ext in the cache; see: ktstr kernel list`)
      return found
    })
  }
  const series = new Map<string, KernelEntry>()
  for (const entry of able) {
    const name = entry.metadata.version.split(".").slice(0, 2).join(".")
    if (!series.has(name)) series.set(name, entry)
  }
  if (series.size === 0) throw new Error("no kernel with sched_ext in the cache: ktstr kernel fetch")
  return [...series.values()]
}

const prepared = async (named: ReadonlyArray<string>): Promise<ReadonlyArray<TestedKernel>> => {
  const kernels: Array<TestedKernel> = []
  for (const entry of await findKernels(named)) kernels.push({ entry, examples: await examplesFor(entry, say) })
  return kernels
}

/** All canned scenarios, which every sound scheduler passes. */
const canned = (): Promise<ReadonlyArray<string>> =>
  Effect.runPromise(
    Effect.provide(
      Effect.map(
        Effect.flatMap(Scenarios, (registry) => registry.list),
        (all) => all.filter(({ category }) => category === "canned").map(({ name }) => name)
      ),
      layerRegistries([])
    )
  )

const pageText = (): string => readFileSync(page, "utf8")

/** Replaces the text between the marks of a part. */
const write = (part: string, text: string): void => {
  const before = pageText()
  const [start, end] = [`<!-- ${part} -->`, `<!-- end of ${part} -->`]
  const from = before.indexOf(start)
  const to = before.indexOf(end)
  if (from < 0 || to < from) throw new Error(`${page} has no place for ${part}: ${start} … ${end}`)
  writeFileSync(page, `${before.slice(0, from + start.length)}\n\n${text}\n\n${before.slice(to)}`)
}

const parts = {
  matrix: (kernels: ReadonlyArray<TestedKernel>, examples: ReadonlyArray<string>) =>
    matrix(kernels, examples, pageText(), say),
  stall: (kernels: ReadonlyArray<TestedKernel>) => stall(kernels, say),
  fixture: async (kernels: ReadonlyArray<TestedKernel>) => fixture(kernels, program, await canned(), say),
  knobs: (kernels: ReadonlyArray<TestedKernel>) => knobTable(kernels, program, say),
  repeat: (kernels: ReadonlyArray<TestedKernel>) => repeat(kernels, program, say)
}

const isPart = (name: string): name is keyof typeof parts => name in parts

const makeTable = async (named: ReadonlyArray<string>): Promise<void> => {
  const examples = named.filter((name) => exampleNames.some((known) => known === name))
  const wanted = examples.length > 0 ? [...named.filter(isPart), "matrix"] : named.filter(isPart)
  const unknown = named.find((name) => !isPart(name) && !examples.includes(name))
  if (unknown !== undefined) {
    const known = [...Object.keys(parts), ...exampleNames].join(", ")
    throw new Error(`unknown part '${unknown}'; there are: ${known}`)
  }
  const kernels = await prepared([])
  for (const name of Object.keys(parts).filter(isPart)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const text = await parts[name](kernels, examples)
    write(name, text)
    process.stdout.write(`${text}\n\n`)
  }
}

const [command, ...words] = process.argv.slice(2)
try {
  if (command === "table") await makeTable(words)
  // build
  else for (const { examples } of await prepared(words)) process.stdout.write(`${Object.values(examples).join("\n")}\n`)
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
