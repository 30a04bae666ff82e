/**
 * The named topologies of the gauntlet.
 *
 * @since 0.1.0
 */
import { Data, Either } from "effect"
import { suggestion } from "../base/index.ts"
import { Topology } from "./Topology.ts"

/**
 * A named topology.
 *
 * @since 0.1.0
 * @category models
 */
export interface Preset {
  readonly name: string
  readonly topology: Topology
  /** Whether a core has more than one thread; aarch64 omits these presets. */
  readonly smt: boolean
}

/**
 * No preset has this name; the message suggests the nearest.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnknownPreset extends Data.TaggedError("UnknownPreset")<{
  readonly name: string
  readonly message: string
}> {}

const preset = (
  name: string,
  numaNodes: number,
  llcs: number,
  coresPerLlc: number,
  threadsPerCore: number
): Preset => ({
  name,
  topology: Topology.unsafeMake({ numaNodes, llcs, coresPerLlc, threadsPerCore }),
  smt: threadsPerCore > 1
})

const all: ReadonlyArray<Preset> = [
  preset("tiny-1llc", 1, 1, 4, 1),
  preset("tiny-2llc", 1, 2, 2, 1),
  preset("odd-3llc", 1, 3, 3, 1),
  preset("odd-5llc", 1, 5, 3, 1),
  preset("odd-7llc", 1, 7, 2, 1),
  preset("smt-2llc", 1, 2, 2, 2),
  preset("smt-3llc", 1, 3, 2, 2),
  preset("medium-4llc", 1, 4, 4, 2),
  preset("medium-8llc", 1, 8, 4, 2),
  preset("large-4llc", 1, 4, 16, 2),
  preset("large-8llc", 1, 8, 8, 2),
  preset("near-max-llc", 1, 15, 8, 2),
  preset("max-cpu", 1, 14, 9, 2),
  preset("medium-4llc-nosmt", 1, 4, 8, 1),
  preset("medium-8llc-nosmt", 1, 8, 8, 1),
  preset("large-4llc-nosmt", 1, 4, 32, 1),
  preset("large-8llc-nosmt", 1, 8, 16, 1),
  preset("near-max-llc-nosmt", 1, 15, 16, 1),
  preset("max-cpu-nosmt", 1, 14, 18, 1),
  preset("numa2-4llc", 2, 4, 4, 1),
  preset("numa2-8llc", 2, 8, 8, 2),
  preset("numa2-8llc-nosmt", 2, 8, 16, 1),
  preset("numa4-8llc", 4, 8, 4, 1),
  preset("numa4-12llc", 4, 12, 8, 2)
]

/**
 * The 24 presets, the smallest first within each family.
 *
 * @since 0.1.0
 * @category presets
 */
export const Presets: {
  readonly all: ReadonlyArray<Preset>
  /** Returns the preset with that name, or an error that suggests the nearest. */
  readonly find: (name: string) => Either.Either<Preset, UnknownPreset>
} = {
  all,
  find: (name) => {
    const found = all.find((p) => p.name === name)
    if (found !== undefined) return Either.right(found)
    const near = suggestion(
      name,
      all.map((p) => p.name)
    )
    return Either.left(new UnknownPreset({ name, message: `unknown topology preset '${name}'${near}` }))
  }
}
