/**
 * The stages of a guest's life, as named in diagnoses.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * The stage that the guest reached.
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
