/**
 * The kernel command line, as far as all backends share it.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import { VmmError, type VmSpec } from "../machine/index.ts"

const hex = (value: number): string => `0x${value.toString(16)}`

/**
 * Console log level while booting: messages more urgent than `info` are printed (include/linux/kern_levels.h). The agent has the same constant.
 *
 * @since 0.1.0
 * @category constants
 */
export const bootLogLevel = 6

/**
 * Console log level if somebody reads the console from the start.
 *
 * @since 0.1.0
 * @category constants
 */
export const liveLogLevel = 7

/**
 * Maximum length of a command line in bytes; the kernel silently drops the rest (COMMAND_LINE_SIZE of x86 and arm64, less the NUL).
 *
 * @since 0.2.0
 * @category constants
 */
export const maxCommandLine = 2047

/** Returns why the kernel or the agent would misread an argument; undefined if it is fine. */
const problem = (karg: string): string | undefined => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern looks for control characters.
  if (/[\u0000-\u001f\u007f]/.test(karg)) return "has a control character; remove it"
  return karg.split('"').length % 2 === 0 ? "has a quote that nothing closes; add the other" : undefined
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

const badSpec = (message: string): VmmError => new VmmError({ reason: "BadSpec", message })

/** The words that keep the kernel from a physical range and tell the agent where it is. */
const reserved = (
  key: string,
  range: { readonly address: number; readonly size: number } | undefined
): ReadonlyArray<string> =>
  range === undefined
    ? []
    : [`memmap=${hex(range.size)}$${hex(range.address)}`, `${key}=${hex(range.address)},${hex(range.size)}`]

/**
 * Builds the kernel command line: arguments that every machine needs, then the backend's (`own`), then the spec's, which can override both. Fails
 * with `BadSpec` if the line exceeds {@link maxCommandLine} bytes, or if an argument of the spec would change its neighbours.
 *
 * @since 0.1.0
 * @category conversions
 */
export const machineCommandLine = (spec: VmSpec, own: ReadonlyArray<string>): Either.Either<string, VmmError> => {
  for (const karg of spec.cmdline) {
    const wrong = problem(karg)
    if (wrong !== undefined) return Either.left(badSpec(`kernel argument ${JSON.stringify(karg)} ${wrong}`))
  }
  const line = [
    "console=ttyS0",
    // Each character causes two exits under KVM, and printing the boot log takes a third of the boot time. The agent raises the level later; until
    // then the log is read from guest memory (session/PrintkRing.ts).
    `loglevel=${bootLogLevel}`,
    "panic=-1",
    // The crypto library's self-tests take a third of an emulated boot.
    "cryptomgr.notests",
    ...own,
    ...(spec.kaslr === true ? [] : ["nokaslr"]),
    ...reserved("ktstr.ring", spec.ring),
    ...reserved("ktstr.plan", spec.handover),
    ...spec.cmdline
  ].join(" ")
  const length = bytesOf(line)
  if (length <= maxCommandLine) return Either.right(line)
  // The user can shorten only their own arguments.
  const given = spec.cmdline.filter((word) => !word.startsWith("ktstr."))
  const longest = given.reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a), "")
  return Either.left(
    badSpec(
      `the kernel command line has ${length} bytes, a kernel reads ${maxCommandLine}: shorten the kernel arguments (--kargs, kargs) by ` +
        `${length - maxCommandLine}; the longest, '${[...longest].slice(0, 40).join("")}${[...longest].length > 40 ? "…" : ""}', has ${bytesOf(longest)}`
    )
  )
}
