/**
 * `ktstr shell`: busybox in a virtual machine, on this terminal.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { oneKernel } from "../choose/index.ts"
import { inBackground, type RawIo } from "../io/index.ts"
import { type Invocation, UsageError } from "../parse/index.ts"
import { runInGuest } from "../runs/index.ts"

/**
 * @since 0.1.0
 * @category commands
 */
export const shell = (invocation: Extract<Invocation, { command: "shell" }>, io: RawIo) =>
  Effect.gen(function* () {
    const refuse = (message: string) => new UsageError({ message })
    // What no terminal could help comes first.
    yield* oneKernel("shell", invocation.values.kernel)
    if (process.stdin.isTTY !== true) return yield* refuse("stdin must be a terminal for interactive shell mode")
    // As every interactive program does: the job stops until it is in the foreground. Where no shell could bring it there the signal does nothing.
    if (inBackground()) process.kill(process.pid, "SIGTTIN")
    if (inBackground())
      return yield* refuse("a shell needs the terminal, which another job has; start it in the foreground")
    return yield* runInGuest("shell", invocation.values, { argv: ["/bin/sh"], terminal: true, input: true }, io)
  })
