/**
 * `ktstr shell`: busybox in a virtual machine, on this terminal.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import type { Invocation } from "../Arguments.ts"
import type { RawIo } from "../CommandIo.ts"
import { runInGuest } from "../GuestCommand.ts"
import { inBackground } from "../JobControl.ts"
import { UsageError } from "../UsageError.ts"

/**
 * @since 0.1.0
 * @category commands
 */
export const shell = (invocation: Extract<Invocation, { command: "shell" }>, io: RawIo) =>
  Effect.suspend(() => {
    const refuse = (message: string) => Effect.fail(new UsageError({ message }))
    if (process.stdin.isTTY !== true) return refuse("stdin must be a terminal for interactive shell mode")
    // As every interactive program does: the job stops until it is in the foreground. Where no shell could bring it there the signal does nothing.
    if (inBackground()) process.kill(process.pid, "SIGTTIN")
    if (inBackground()) return refuse("a shell needs the terminal, which another job has; start it in the foreground")
    return runInGuest(invocation.values, { argv: ["/bin/sh"], terminal: true, input: true }, io)
  })
