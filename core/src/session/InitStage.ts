/**
 * The stages of a guest's life, which a diagnosis names.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * How far the guest came.
 *
 * @since 0.1.0
 * @category models
 */
export const InitStage: Schema.Literal<
  ["no console output", "kernel booting", "init started", "agent ready", "scenario running", "scenario done"]
> = Schema.Literal(
  "no console output",
  "kernel booting",
  "init started",
  "agent ready",
  "scenario running",
  "scenario done"
)
