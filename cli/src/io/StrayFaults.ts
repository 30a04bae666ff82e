/**
 * Code of the user that ends the process, or throws where nobody waits for it: in a timer, in a promise that nobody looks at.
 *
 * @since 0.2.0
 */
import { existsSync } from "node:fs"
import { ExitCode } from "@ktstr/core"
import { faultPlace, faultText, oneLine } from "@ktstr/core/base"

/**
 * @since 0.2.0
 * @category models
 */
export interface StrayFault {
  /** One line. */
  readonly message: string
  readonly exitCode: ExitCode
}

const configurations = ["ktstr.config.ts", "ktstr.config.mjs", "ktstr.config.js"]

/** Its frames are all ours, or of what we run on. */
const isOwn = (thrown: unknown): boolean => thrown instanceof Error && /^\s*at /m.test(thrown.stack ?? "")

const faultOf = (thrown: unknown, how: string): StrayFault => {
  const place = faultPlace(thrown)
  const text = oneLine(faultText(thrown))
  if (place !== undefined) return { message: `${place}: ${text} (${how})`, exitCode: ExitCode.usage }
  const config = configurations.find((name) => existsSync(name))
  if (isOwn(thrown) || config === undefined) {
    return { message: `internal error: ${text} (${how})`, exitCode: ExitCode.internal }
  }
  return { message: `${config} or a plugin: ${text} (${how})`, exitCode: ExitCode.usage }
}

/**
 * Calls `onFault` with the first error that nobody catches, and lets `process.exit` throw, in whose place `exit` is given: it would end the process
 * before anything is cleaned up, and without a word.
 *
 * @since 0.2.0
 * @category constructors
 */
export const watchForStrayFaults = (
  onFault: (fault: StrayFault) => void
): { readonly exit: (code?: number) => never } => {
  const exit = process.exit.bind(process)
  let told = false
  const tell = (how: string) => (thrown: unknown) => {
    if (told) return
    told = true
    onFault(faultOf(thrown, how))
  }
  process.on("uncaughtException", tell("nobody caught it"))
  process.on("unhandledRejection", tell("a promise that nobody waits for was rejected"))
  process.exit = (code) => {
    throw new Error(`process.exit(${code ?? ""}) was called, which only ktstr may do: remove the call`)
  }
  return {
    exit: (code) => {
      // Libraries end the process once more from what they do at its exit.
      process.exit = exit
      return exit(code)
    }
  }
}
