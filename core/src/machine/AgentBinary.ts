/**
 * The guest agent as a file on this host.
 *
 * @since 0.1.0
 */
import { Context, Data, type Effect } from "effect"

/**
 * The agent was not built, or its file can't be read.
 *
 * @since 0.1.0
 * @category errors
 */
export class AgentMissing extends Data.TaggedError("AgentMissing")<{ readonly message: string }> {}

/**
 * Where the static executable is that becomes the guest's PID 1.
 *
 * @since 0.1.0
 * @category services
 */
export class AgentBinary extends Context.Tag("@ktstr/core/AgentBinary")<
  AgentBinary,
  {
    /** Absolute path of an executable that was there when asked. */
    readonly path: Effect.Effect<string, AgentMissing>
  }
>() {}
