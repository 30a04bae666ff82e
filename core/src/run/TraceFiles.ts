/**
 * Writes the telemetry of a traced run to files.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Data, Effect } from "effect"
import type { RunTrace } from "./RunRequest.ts"

/**
 * The files of a trace can't be written.
 *
 * @since 0.1.0
 * @category errors
 */
export class TraceError extends Data.TaggedError("TraceError")<{ readonly message: string }> {}

/**
 * Runs with telemetry and writes it to `directory`: `console.log`, the kernel console, and `trace.txt`, which Perfetto opens. Fails with TraceError
 * if the files can't be written.
 *
 * @since 0.1.0
 * @category running
 */
export const tracedInto = Effect.fn("TraceFiles.tracedInto")(function* <A, E, R>(
  directory: string,
  run: (trace: RunTrace) => Effect.Effect<A, E, R>
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const parts: Array<Uint8Array> = []
  let console: ReadonlyArray<string> = []
  const result = yield* run({
    onConsole: (lines) => {
      console = lines
    },
    onTrace: (part) => void parts.push(part)
  })
  const trace = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    trace.set(part, at)
    at += part.length
  }
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(
    Effect.zipRight(fs.writeFileString(path.join(directory, "console.log"), `${console.join("\n")}\n`)),
    Effect.zipRight(fs.writeFile(path.join(directory, "trace.txt"), trace)),
    Effect.mapError(({ message }) => new TraceError({ message: `--trace ${directory} can't be written: ${message}` }))
  )
  return result
})
