/**
 * Calls the functions of kernel sources, which are plugins.
 *
 * @since 0.2.0
 */
import { Effect } from "effect"
import { describeFault, guardPlugin } from "../base/index.ts"
import { KernelError, type KernelErrorReason } from "./Error.ts"
import type { KernelEntry } from "./entry.ts"
import type { ResolvedKernel } from "./Resolver.ts"
import type { FetchOptions, KernelSource } from "./Source.ts"

const reasons: Readonly<Record<KernelErrorReason, true>> = {
  NotFound: true,
  Named: true,
  Fetch: true,
  Cache: true,
  Build: true,
  Unsupported: true
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

const isFilled = (value: unknown, name: string): boolean => {
  const field = isObject(value) ? Reflect.get(value, name) : undefined
  return typeof field === "string" && field !== ""
}

const faultOf =
  ({ name }: KernelSource, member: "accepts" | "expand" | "fetch" | "open") =>
  (how: string, cause: unknown): KernelError =>
    new KernelError({ reason: "Build", cause, message: `the kernel source '${name}' failed in \`${member}\`: ${how}` })

const guard = <A>(
  source: KernelSource,
  member: "expand" | "fetch" | "open",
  call: () => Effect.Effect<A, KernelError>,
  problem: (value: A) => string | undefined
) => guardPlugin(call, { tag: "KernelError", reasons: Object.keys(reasons), problem, fault: faultOf(source, member) })

const noEntry = (entry: unknown): string | undefined => {
  if (!isFilled(entry, "image") || !isFilled(entry, "key")) return "no cache entry: `image` or `key` is no text"
  const metadata = isObject(entry) ? Reflect.get(entry, "metadata") : undefined
  return isFilled(metadata, "version") ? undefined : "a cache entry without `metadata.version`"
}

/**
 * Calls `fetch` of a source. Whatever is no KernelError, and a result that is no cache entry, becomes a KernelError that names the source.
 *
 * @since 0.2.0
 * @category running
 */
export const fetchFrom = (source: KernelSource, options: FetchOptions): Effect.Effect<KernelEntry, KernelError> =>
  guard(source, "fetch", () => source.fetch(options), noEntry)

/**
 * Calls `open` of a source that has it, with the same guarantees as {@link fetchFrom}.
 *
 * @since 0.2.0
 * @category running
 */
export const openFrom = (
  source: KernelSource,
  open: NonNullable<KernelSource["open"]>,
  options: FetchOptions
): Effect.Effect<ResolvedKernel, KernelError> =>
  guard(
    source,
    "open",
    () => open(options),
    (kernel) =>
      isFilled(kernel, "image") && isFilled(kernel, "version")
        ? undefined
        : "no kernel: `image` or `version` is no text"
  )

/**
 * Returns the specs that a spec means, with the same guarantees as {@link fetchFrom}.
 *
 * @since 0.2.0
 * @category running
 */
export const expandWith = (
  source: KernelSource,
  expand: NonNullable<KernelSource["expand"]>,
  spec: string
): Effect.Effect<ReadonlyArray<string>, KernelError> =>
  guard(
    source,
    "expand",
    () => expand(spec),
    (specs: unknown) =>
      Array.isArray(specs) && specs.every((one) => typeof one === "string") ? undefined : "no list of texts"
  )

/**
 * Returns the first source that accepts a spec. Fails with KernelError if a source throws.
 *
 * @since 0.2.0
 * @category accessors
 */
export const sourceFor = (
  sources: ReadonlyArray<KernelSource>,
  spec: string
): Effect.Effect<KernelSource | undefined, KernelError> =>
  Effect.gen(function* () {
    for (const source of sources) {
      const accepts = yield* Effect.try({
        try: () => source.accepts(spec),
        catch: (error) => faultOf(source, "accepts")(describeFault(error), error)
      })
      if (accepts) return source
    }
    return undefined
  })
