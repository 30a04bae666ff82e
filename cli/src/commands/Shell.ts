/**
 * `ktstr shell`: opens a busybox shell in a virtual machine on this terminal.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { oneKernel } from "../choose/index.ts"
import { inBackground, type RawIo } from "../io/index.ts"
import { type Invocation, UsageError } from "../parse/index.ts"
import { runInGuest } from "../runs/index.ts"

/**
 * Runs a shell in a guest. Fails unless this process has a terminal in the foreground.
 *
 * @since 0.1.0
 * @category commands
 */
export const shell = (invocation: Extract<Invocation, { command: "shell" }>, io: RawIo) =>
  Effect.gen(function* () {
    const refuse = (message: string) => new UsageError({ message })
    // Check first what no terminal could fix.
    yield* oneKernel("shell", invocation.values.kernel)
    if (process.stdin.isTTY !== true) return yield* refuse("stdin must be a terminal for interactive shell mode")
    // Stops the job until it is in the foreground, as every interactive program does. Without a job-control shell the signal does nothing.
    if (inBackground()) process.kill(process.pid, "SIGTTIN")
    if (inBackground())
      return yield* refuse("a shell needs the terminal, which another job has; start it in the foreground")
    return yield* runInGuest("shell", invocation.values, { argv: ["/bin/sh"], terminal: true, input: true }, io)
  })
