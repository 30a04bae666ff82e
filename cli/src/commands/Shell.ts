/**
 * `ktstr shell`: busybox in a virtual machine, on this terminal.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Invocation } from "../Arguments.ts"
import type { CommandIo } from "../CommandIo.ts"
import { runInGuest } from "../GuestCommand.ts"
import { UsageError } from "../UsageError.ts"

/**
 * @since 0.1.0
 * @category commands
 */
export const shell = (invocation: Extract<Invocation, { command: "shell" }>, io: CommandIo) =>
  Effect.suspend(() =>
    process.stdin.isTTY === true
      ? runInGuest(invocation.values, { argv: ["/bin/sh"], terminal: true, input: true }, io)
      : Effect.fail(new UsageError({ message: "stdin must be a terminal for interactive shell mode" }))
  )
