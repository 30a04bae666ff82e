/**
 * The line that a kernel begins its log with, as its ELF has it: by it an ELF is known to be of the same build as a bzImage.
 *
 * @since 0.2.0
 */
import { Buffer } from "node:buffer"

/** Of the banner (`init/version.c`, `linux_banner`): `Linux version RELEASE (BUILDER) (COMPILER) #BUILD`. */
const begins = new TextEncoder().encode("Linux version ")
const banner = /^Linux version (\d\S*) \([^\n]*? (#\d[^\n]*)\n/
const longestBanner = 1024

/** Of a bzImage's version string (`arch/x86/boot/version.c`): `RELEASE (BUILDER) #BUILD`. */
const versionString = /^(\S+) \(.*\) (#\d.*)$/

/**
 * Which kernel a file is: what `uname -r` and `uname -v` say.
 *
 * @since 0.2.0
 * @category models
 */
export interface KernelBuild {
  readonly release: string
  readonly build: string
}

/**
 * What the banner of an uncompressed kernel says; undefined when there is none.
 *
 * @since 0.2.0
 * @category parsing
 */
export const buildOfElf = (elf: Uint8Array): KernelBuild | undefined => {
  const bytes = Buffer.from(elf.buffer, elf.byteOffset, elf.byteLength)
  for (let at = bytes.indexOf(begins); at >= 0; at = bytes.indexOf(begins, at + 1)) {
    const found = banner.exec(bytes.toString("latin1", at, at + longestBanner))
    if (found !== null) return { release: found[1] ?? "", build: found[2] ?? "" }
  }
  return undefined
}

/**
 * What the version string of a bzImage says; undefined when it is not of the kernel's own form.
 *
 * @since 0.2.0
 * @category parsing
 */
export const buildOfImage = (text: string): KernelBuild | undefined => {
  const found = versionString.exec(text)
  return found === null ? undefined : { release: found[1] ?? "", build: found[2] ?? "" }
}
