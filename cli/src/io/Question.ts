/**
 * Asks questions on the terminal.
 *
 * @since 0.1.0
 */
import { createInterface } from "node:readline/promises"
import type { ReporterOutput } from "@ktstr/core"
import { Effect } from "effect"
import { inBackground } from "./JobControl.ts"

/**
 * Returns whether somebody can answer: standard input and standard error are terminals, and this process may read them.
 *
 * @since 0.2.0
 * @category accessors
 */
export const canAsk = ({ err }: Pick<ReporterOutput, "err">): boolean =>
  process.stdin.isTTY === true && err.terminal && !inBackground()

/**
 * Asks on standard error and reads a line of standard input. `otherwise` is the meaning of an empty line.
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
