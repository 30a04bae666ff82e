/**
 * What every backend tells the kernel it boots.
 *
 * @since 0.1.0
 */
import type { VmSpec } from "./Vmm.ts"

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
 * The kernel command line: what every machine needs first, then what this backend's does (`own`), so that the spec, which comes last, can
 * override both.
 *
 * @since 0.1.0
 * @category conversions
 */
export const machineCommandLine = (spec: VmSpec, own: ReadonlyArray<string>): string =>
  [
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
