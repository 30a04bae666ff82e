/**
 * Questions on the terminal.
 *
 * @since 0.1.0
 */
import { createInterface } from "node:readline/promises"
import { Effect } from "effect"

/**
 * Asks on standard error and reads a line of standard input; `otherwise` is what an empty line means.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ask = (question: string, otherwise: "yes" | "no" = "no"): Effect.Effect<boolean> =>
  Effect.acquireUseRelease(
    Effect.sync(() => createInterface({ input: process.stdin, output: process.stderr })),
    (prompt) =>
      Effect.map(
        Effect.promise((signal) => prompt.question(question, { signal })),
        (answer) => /^y(es)?$/i.test(answer.trim() === "" ? otherwise : answer.trim())
      ),
    (prompt) => Effect.sync(() => prompt.close())
  )
