/**
 * Words for outcomes.
 *
 * @since 0.2.0
 */
import type { Outcome } from "@ktstr/core"
import type { Style } from "./Table.ts"

/**
 * @since 0.2.0
 * @category constants
 */
export const badge: Readonly<Record<Outcome, readonly [word: string, style: Style]>> = {
  pass: ["PASS", "green"],
  fail: ["FAIL", "red"],
  skip: ["SKIP", "yellow"],
  inconclusive: ["INCONCLUSIVE", "yellow"]
}
