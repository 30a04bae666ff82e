/**
 * The pre-flight check of `/dev/kvm`, by a small program that runs a tiny guest.
 *
 * @since 0.1.0
 */
import { Command, type CommandExecutor, FileSystem, Path } from "@effect/platform"
import { KvmProbe, KvmVerdict } from "@ktstr/core/machine"
import { Duration, Effect, Layer, Option, Schema } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface KvmProbeOptions {
  /** The built `kvm-probe`. */
  readonly program: string
  /** Where the verdict is cached for this boot; unset: each process runs the probe. */
  readonly cacheDir?: string | undefined
}

/** The program ends by itself after 2 s; if not, it is stuck in a KVM that swallows signals. */
const longest: Duration.DurationInput = "4 seconds"
/** Part of the cache's file name; incremented when the probe changes its judgement. */
const probeRevision = 2

const verdictJson = Schema.parseJson(KvmVerdict)
const decode = Schema.decodeUnknown(verdictJson)
const encode = Schema.encode(verdictJson)

/**
 * Parses the program's output into a verdict.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseKvmVerdict = (output: string): Effect.Effect<KvmVerdict> =>
  Effect.orElseSucceed(decode(output.trim()), () =>
    KvmVerdict.make({ verdict: "wrong", reason: `the probe ended without a verdict: '${output.trim().slice(0, 100)}'` })
  )

/**
 * Runs the program without a cache. Never fails: every error becomes a verdict against KVM.
 *
 * @since 0.1.0
 * @category running
 */
export const probeKvm = (
  program: string,
  patience: Duration.DurationInput = longest
): Effect.Effect<KvmVerdict, never, CommandExecutor.CommandExecutor> =>
  Command.string(Command.make(program)).pipe(
    Effect.matchEffect({
      onSuccess: parseKvmVerdict,
      onFailure: (error) =>
        Effect.succeed(
          KvmVerdict.make({
            verdict: "wrong",
            reason: `can't run the probe ${program}: ${error.message}; build it with: make -C native/probe`
          })
        )
    }),
    // The process may not respond to signals, so don't wait for it.
    Effect.disconnect,
    Effect.timeoutTo({
      duration: patience,
      onSuccess: (verdict) => verdict,
      onTimeout: () =>
        KvmVerdict.make({ verdict: "too slow", reason: `the probe did not end within ${Duration.format(patience)}` })
    })
  )

/** Returns whether to cache the verdict: permissions can change within a boot, the abilities of the hardware can't. */
const outlivesProcess = (verdict: KvmVerdict): boolean => verdict.verdict !== "absent" && verdict.verdict !== "denied"

/**
 * Creates the service. The verdict is determined once per process and cached in the cache directory under the boot's
 * id, if that can be read and written. `absent` and `denied` are not cached, because the user can fix them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeKvmProbe = (
  options: KvmProbeOptions
): Effect.Effect<KvmProbe["Type"], never, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path

    const cacheFile = Effect.gen(function* () {
      const directory = yield* Effect.fromNullable(options.cacheDir)
      const bootId = yield* fs.readFileString("/proc/sys/kernel/random/boot_id")
      return path.join(directory, `kvm-verdict-${probeRevision}-${bootId.trim()}.json`)
    }).pipe(Effect.option)

    const remembered = (file: string): Effect.Effect<Option.Option<KvmVerdict>> =>
      fs.readFileString(file).pipe(Effect.flatMap(decode), Effect.option)

    const remember = (file: string, verdict: KvmVerdict): Effect.Effect<void> =>
      Effect.gen(function* () {
        yield* fs.makeDirectory(path.dirname(file), { recursive: true })
        // Written to a temporary file and renamed, so that a reader never sees half a verdict.
        const temporary = `${file}.${globalThis.crypto.randomUUID()}`
        yield* fs.writeFileString(temporary, yield* encode(verdict))
        yield* fs.rename(temporary, file)
      }).pipe(Effect.ignore)

    // The device can disappear or become inaccessible after a verdict was cached.
    const accessible = fs.access("/dev/kvm", { readable: true, writable: true }).pipe(
      Effect.as(true),
      Effect.orElseSucceed(() => false)
    )

    const executor = yield* Effect.context<CommandExecutor.CommandExecutor>()
    const find = Effect.gen(function* () {
      const file = yield* cacheFile
      const known = Option.isSome(file) && (yield* accessible) ? yield* remembered(file.value) : Option.none()
      if (Option.isSome(known)) return known.value
      const verdict = yield* Effect.provide(probeKvm(options.program), executor)
      if (Option.isSome(file) && outlivesProcess(verdict)) yield* remember(file.value, verdict)
      return verdict
    })
    return { verdict: yield* Effect.cached(find) }
  })

/**
 * Provides {@link KvmProbe}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKvmProbe = (
  options: KvmProbeOptions
): Layer.Layer<KvmProbe, never, CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path> =>
  Layer.effect(KvmProbe, makeKvmProbe(options))
