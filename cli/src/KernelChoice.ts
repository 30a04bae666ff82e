/**
 * `--kernel`: the kernels to run on, all there before anything runs.
 *
 * @since 0.1.0
 */
import { type KernelError, KernelProgress, KernelResolver, KernelSources, type ResolvedKernel } from "@ktstr/core"
import { Effect } from "effect"
import type { CommandIo } from "./CommandIo.ts"
import { fetchLine } from "./FetchLine.ts"
import { ask, canAsk } from "./Question.ts"

/** The first source that this machine can have: the distribution's packages where there are any, else kernel.org. */
const download: Effect.Effect<void, KernelError> = Effect.gen(function* () {
  const onProgress = yield* KernelProgress
  const [first, ...others] = yield* KernelSources
  if (first === undefined) return
  yield* others.reduce(
    (fetched, source) =>
      Effect.catchIf(
        fetched,
        ({ reason }) => reason === "Unsupported",
        () => source.fetch({ spec: undefined, onProgress })
      ),
    first.fetch({ spec: undefined, onProgress })
  )
})

/**
 * Resolves them with progress on standard error. Where none is named and none is found, one is fetched: with `yes` at once, on a terminal
 * after a question, else the error says what to do.
 *
 * @since 0.1.0
 * @category parsing
 */
export const chosenKernels = Effect.fn("KernelChoice.resolve")(function* (
  names: ReadonlyArray<string>,
  yes: boolean,
  io: CommandIo
): Effect.fn.Return<ReadonlyArray<ResolvedKernel>, KernelError, KernelResolver> {
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
