/**
 * `ktstr exec`: a command in a virtual machine.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { inBackground, type RawIo } from "../io/index.ts"
import { type Invocation, UsageError } from "../parse/index.ts"
import { runInGuest } from "../runs/index.ts"

/**
 * One word is a line for the guest's shell, several are a program and its arguments. The command has this terminal when standard input and output
 * are one and the command was started in its foreground, else pipes; a terminal on one side only is not read, nor one from the background.
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
