/**
 * Resolves `--kernel` before anything runs: every kernel is then in place.
 *
 * @since 0.1.0
 */

import { KernelResolver } from "@ktstr/core"
import { fetchFrom, type KernelError, KernelProgress, KernelSources, type ResolvedKernel } from "@ktstr/core/kernel"
import { parseKernelOrgSpec } from "@ktstr/kernel-sources"
import { Effect, Option } from "effect"
import { ask, type CommandIo, canAsk, fetchLine } from "../io/index.ts"
import { UsageError } from "../parse/index.ts"

/** Returns the first kernel named, in the resolver's order, with its origin. An empty variable counts as unset. */
const namedKernel = (option: string | undefined, environment: NodeJS.ProcessEnv) =>
  [
    ["--kernel", option] as const,
    ["KTSTR_TEST_KERNEL", environment.KTSTR_TEST_KERNEL || undefined] as const,
    ["KTSTR_KERNEL", environment.KTSTR_KERNEL || undefined] as const
  ].find(([, text]) => text !== undefined) ?? (["--kernel", undefined] as const)

/**
 * Returns the `--kernel` of a command that boots one kernel. Rejects a range, also in the variable that replaces the option, before anything is looked
 * up, fetched or built.
 *
 * @since 0.2.0
 * @category parsing
 */
export const oneKernel = (
  command: string,
  option: string | undefined,
  environment: NodeJS.ProcessEnv = process.env
): Effect.Effect<string | undefined, UsageError> => {
  const [origin, text] = namedKernel(option, environment)
  const range = Option.filter(parseKernelOrgSpec(text), ({ _tag }) => _tag === "Range")
  if (text === undefined || origin === "KTSTR_TEST_KERNEL" || Option.isNone(range)) return Effect.succeed(option)
  const last = text.slice(text.indexOf("..") + 2)
  return new UsageError({
    message: `${origin} '${text}' is a range, and ktstr ${command} boots one kernel: give one version such as ${last}, an image, a tree or a cache key (ktstr run and ktstr test take a range)`
  })
}

/** Fetches from the first source that supports this host: the distribution's packages, otherwise kernel.org. */
const download: Effect.Effect<void, KernelError, KernelSources> = Effect.gen(function* () {
  const onProgress = yield* KernelProgress
  const [first, ...others] = yield* Effect.flatMap(KernelSources, ({ list }) => list)
  if (first === undefined) return
  yield* others.reduce(
    (fetched, source) =>
      Effect.catchIf(
        fetched,
        ({ reason }) => reason === "Unsupported",
        () => fetchFrom(source, { spec: undefined, onProgress })
      ),
    fetchFrom(first, { spec: undefined, onProgress })
  )
})

/**
 * Resolves the kernels with progress on standard error. If none is named and none is found, it fetches one: at once with `yes`, on a terminal after
 * asking. Otherwise the error says what to do.
 *
 * @since 0.1.0
 * @category parsing
 */
export const chosenKernels = Effect.fn("KernelChoice.resolve")(function* (
  names: ReadonlyArray<string>,
  yes: boolean,
  io: CommandIo
): Effect.fn.Return<ReadonlyArray<ResolvedKernel>, KernelError, KernelResolver | KernelSources> {
  const resolver = yield* KernelResolver
  const line = fetchLine(io.err)
  const listening = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.ensuring(Effect.provideService(effect, KernelProgress, line.onProgress), line.clear)
  return yield* Effect.catchIf(
    listening(resolver.resolveAll(names)),
    ({ reason }) => reason === "NotFound",
    (error) =>
      Effect.gen(function* () {
        const agreed =
          yes || (canAsk(io) && (yield* ask("No kernel found. Download the latest stable one? [Y/n] ", "yes")))
        if (!agreed) return yield* error
        yield* io.err.write("ktstr: no kernel found, downloading latest stable\n")
        yield* listening(download)
        return yield* resolver.resolveAll(names)
      })
  )
})

/**
 * Resolves the kernel of a command that boots only one.
 *
 * @since 0.2.0
 * @category parsing
 */
export const chosenKernel = (
  command: string,
  name: string | undefined,
  yes: boolean,
  io: CommandIo
): Effect.Effect<ResolvedKernel, KernelError | UsageError, KernelResolver | KernelSources> =>
  Effect.gen(function* () {
    const one = yield* oneKernel(command, name)
    const [kernel, ...others] = yield* chosenKernels(one === undefined ? [] : [one], yes, io)
    if (kernel !== undefined && others.length === 0) return kernel
    return yield* new UsageError({
      message: `--kernel '${name}' names ${others.length + 1} kernels, and ktstr ${command} boots one: give one version, image, tree or cache key`
    })
  })
