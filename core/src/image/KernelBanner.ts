/**
 * The first line of a kernel's log, as stored in its ELF. It shows whether an ELF is of the same build as a bzImage.
 *
 * @since 0.2.0
 */
import { Buffer } from "node:buffer"

/** Beginning of the banner (`init/version.c`, `linux_banner`): `Linux version RELEASE (BUILDER) (COMPILER) #BUILD`. */
const begins = new TextEncoder().encode("Linux version ")
const banner = /^Linux version (\d\S*) \([^\n]*? (#\d[^\n]*)\n/
const maxBannerBytes = 1024

/** A bzImage's version string (`arch/x86/boot/version.c`): `RELEASE (BUILDER) #BUILD`. */
const versionString = /^(\S+) \(.*\) (#\d.*)$/

/**
 * Identifies a kernel build by what `uname -r` and `uname -v` print.
 *
 * @since 0.2.0
 * @category models
 */
export interface KernelBuild {
  readonly release: string
  readonly build: string
}

/**
 * Finds the build in the banner of an uncompressed kernel; undefined if it has none.
 *
 * @since 0.2.0
 * @category parsing
 */
export const buildOfElf = (elf: Uint8Array): KernelBuild | undefined => {
  const bytes = Buffer.from(elf.buffer, elf.byteOffset, elf.byteLength)
  for (let at = bytes.indexOf(begins); at >= 0; at = bytes.indexOf(begins, at + 1)) {
    const found = banner.exec(bytes.toString("latin1", at, at + maxBannerBytes))
    if (found !== null) return { release: found[1] ?? "", build: found[2] ?? "" }
  }
  return undefined
}

/**
 * Parses the build from a bzImage's version string; undefined if it does not have the kernel's own form.
 *
 * @since 0.2.0
 * @category parsing
 */
export const buildOfImage = (text: string): KernelBuild | undefined => {
  const found = versionString.exec(text)
  return found === null ? undefined : { release: found[1] ?? "", build: found[2] ?? "" }
}
