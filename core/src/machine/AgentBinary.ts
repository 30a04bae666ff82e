/**
 * The guest agent's executable on this host.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect } from "effect"

/**
 * The agent has not been built, or its file can't be read.
 *
 * @since 0.1.0
 * @category errors
 */
export class AgentMissing extends Data.TaggedError("AgentMissing")<{ readonly message: string }> {}

/**
 * Locates the static executable that becomes the guest's PID 1.
 *
 * @since 0.1.0
 * @category services
 */
export class AgentBinary extends Context.Tag("@ktstr/core/AgentBinary")<
  AgentBinary,
  {
    /** Absolute path of the executable. Fails if the file does not exist. */
    readonly path: Effect.Effect<string, AgentMissing>
  }
>() {}
