/**
 * Saves output that is too long for a report.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Clock, Config, Effect } from "effect"

/**
 * The root directory for saved output: KTSTR_SIDECAR_DIR, else `.ktstr/runs` in the working directory.
 *
 * @since 0.1.0
 * @category constants
 */
export const runsRoot: Effect.Effect<string> = Config.nonEmptyString("KTSTR_SIDECAR_DIR").pipe(
  Effect.orElseSucceed(() => ".ktstr/runs")
)

/**
 * Writes files into a new directory `failures/TIME-NAME` below {@link runsRoot} and returns its absolute path. Skips files without lines. Fails with
 * a one-line message.
 *
 * @since 0.1.0
 * @category constructors
 */
export const saveFailure: (
  name: string,
  files: Readonly<Record<string, ReadonlyArray<string>>>
) => Effect.Effect<string, string, FileSystem.FileSystem | Path.Path> = Effect.fn("RunDirectory.saveFailure")(
  function* (name: string, files: Readonly<Record<string, ReadonlyArray<string>>>) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const now = new Date(yield* Clock.currentTimeMillis).toISOString().replace(/[:.]/g, "-").slice(0, 23)
    const folder = path.resolve(yield* runsRoot, "failures", `${now}-${name.replace(/[^\w.-]+/g, "_").slice(0, 80)}`)
    const write = fs.makeDirectory(folder, { recursive: true }).pipe(
      Effect.zipRight(
        Effect.forEach(
          Object.entries(files).filter(([, lines]) => lines.length > 0),
          ([file, lines]) => fs.writeFileString(path.join(folder, file), `${lines.join("\n")}\n`),
          { discard: true }
        )
      )
    )
    yield* Effect.mapError(write, (cause) => `what the run said can't be saved in ${folder}: ${cause.message}`)
    return folder
  }
)

/**
 * Returns a path relative to the working directory if it lies below that, else unchanged.
 *
 * @since 0.2.0
 * @category formatting
 */
export const fromHere = (file: string): Effect.Effect<string, never, Path.Path> =>
  Effect.map(Path.Path, (path) => {
    const relative = path.relative(path.resolve("."), file)
    return relative === "" || relative.startsWith("..") || path.isAbsolute(relative) ? file : relative
  })
