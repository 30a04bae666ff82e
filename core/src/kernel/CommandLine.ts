/**
 * What every backend tells the kernel it boots.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import { VmmError, type VmSpec } from "../machine/index.ts"

const hex = (value: number): string => `0x${value.toString(16)}`

/**
 * What a booting kernel prints on its console: messages more urgent than `info` (include/linux/kern_levels.h). The agent knows the number too.
 *
 * @since 0.1.0
 * @category constants
 */
export const bootLogLevel = 6

/**
 * Of a kernel whose console somebody reads from its first word on.
 *
 * @since 0.1.0
 * @category constants
 */
export const liveLogLevel = 7

/**
 * Bytes of a command line that a kernel reads; it drops the rest without a word (COMMAND_LINE_SIZE of x86 and arm64, less the NUL).
 *
 * @since 0.2.0
 * @category constants
 */
export const maxCommandLine = 2047

/** Why the kernel, or the agent after it, would read other words than these. */
const problem = (karg: string): string | undefined => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/[\u0000-\u001f\u007f]/.test(karg)) return "has a control character; remove it"
  return karg.split('"').length % 2 === 0 ? "has a quote that nothing closes; add the other" : undefined
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length

const badSpec = (message: string): VmmError => new VmmError({ reason: "BadSpec", message })

/**
 * The kernel command line: what every machine needs first, then what this backend's does (`own`), so that the spec, which comes last, can
 * override both. `BadSpec` when it is longer than {@link maxCommandLine} bytes, or a word of the spec would swallow its neighbours.
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
    // Each character is two exits under KVM, and those of the boot's log a third of its time. The agent turns the console up; until then the
    // log is read out of guest memory (guest/PrintkRing.ts).
    `loglevel=${bootLogLevel}`,
    "panic=-1",
    // Self-tests of the crypto library take a third of an emulated boot.
    "cryptomgr.notests",
    ...own,
    ...(spec.kaslr === true ? [] : ["nokaslr"]),
    ...(spec.ring === undefined
      ? []
      : [
          `memmap=${hex(spec.ring.size)}$${hex(spec.ring.address)}`,
          `ktstr.ring=${hex(spec.ring.address)},${hex(spec.ring.size)}`
        ]),
    ...spec.cmdline
  ].join(" ")
  const length = bytesOf(line)
  if (length <= maxCommandLine) return Either.right(line)
  // What can be shortened is the user's.
  const given = spec.cmdline.filter((word) => !word.startsWith("ktstr."))
  const longest = given.reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a), "")
  return Either.left(
    badSpec(
      `the kernel command line has ${length} bytes, a kernel reads ${maxCommandLine}: shorten the kernel arguments (--kargs, kargs) by ` +
        `${length - maxCommandLine}; the longest, '${[...longest].slice(0, 40).join("")}${[...longest].length > 40 ? "…" : ""}', has ${bytesOf(longest)}`
    )
  )
}
