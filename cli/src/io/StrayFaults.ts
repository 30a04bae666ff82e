/**
 * Catches user code that calls `process.exit`, or throws where nothing can catch it: in a timer, or in a promise that nobody awaits.
 *
 * @since 0.2.0
 */
import { existsSync } from "node:fs"
import { ExitCode } from "@ktstr/core"
import { faultPlace, faultText, oneLine } from "@ktstr/core/base"

/**
 * Describes the first uncaught error and the exit code that it leads to.
 *
 * @since 0.2.0
 * @category models
 */
export interface StrayFault {
  /** One line. */
  readonly message: string
  readonly exitCode: ExitCode
}

const configurations = ["ktstr.config.ts", "ktstr.config.mjs", "ktstr.config.js"]

/** Returns whether an error's stack has frames; `faultPlace` has already found that none is the user's. */
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
 * Calls `onFault` with the first uncaught error, and makes `process.exit` throw, because it would end the process without cleaning up or saying why.
 * Returns the real `exit`.
 *
 * @since 0.2.0
 * @category constructors
 */
export const watchForStrayFaults = (
  onFault: (fault: StrayFault) => void
): { readonly exit: (code?: number) => never } => {
  const exit = process.exit.bind(process)
  let reported = false
  const report = (how: string) => (thrown: unknown) => {
    if (reported) return
    reported = true
    onFault(faultOf(thrown, how))
  }
  process.on("uncaughtException", report("nobody caught it"))
  process.on("unhandledRejection", report("a promise that nobody waits for was rejected"))
  process.exit = (code) => {
    throw new Error(`process.exit(${code ?? ""}) was called, which only ktstr may do: remove the call`)
  }
  return {
    exit: (code) => {
      // Exit handlers of libraries call process.exit again.
      process.exit = exit
      return exit(code)
    }
  }
}
