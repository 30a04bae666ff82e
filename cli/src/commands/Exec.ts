/**
 * `ktstr exec`: runs a command in a virtual machine.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { inBackground, type RawIo } from "../io/index.ts"
import { type Invocation, UsageError } from "../parse/index.ts"
import { runInGuest } from "../runs/index.ts"

/**
 * Runs one word as a line of the guest's shell, and several words as a program with arguments. The command gets this terminal if standard input and
 * output are terminals and ktstr runs in the foreground, otherwise pipes. A terminal on one side only, or in the background, is not read.
 *
 * @since 0.1.0
 * @category commands
 */
export const exec = (invocation: Extract<Invocation, { command: "exec" }>, io: RawIo) =>
  Effect.suspend(() => {
    const { rest, values } = invocation
    if (rest.length === 0) {
      return Effect.fail(
        new UsageError({ message: "ktstr exec needs a command: ktstr exec [OPTIONS] COMMAND [ARGS…]" })
      )
    }
    const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true && !inBackground()
    const argv = rest.length === 1 ? ["/bin/sh", "-c", rest[0]!] : rest
    return runInGuest("exec", values, { argv, terminal, input: terminal || process.stdin.isTTY !== true }, io)
  })
