/**
 * The boot parameters (`struct boot_params`, Documentation/arch/x86/zero-page.rst): one page with everything that the
 * kernel can't find out by itself.
 *
 * @since 0.1.0
 */
import { type E820Entry, encodeE820 } from "./E820.ts"
import type { AddressRange } from "./KernelLoad.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface ZeroPageOptions {
  /** From offset 0x1f1 of a bzImage; undefined for an ELF kernel. */
  readonly setupHeader: Uint8Array | undefined
  readonly cmdline: number
  readonly initrd: AddressRange | undefined
  readonly rsdp: number
  readonly e820: ReadonlyArray<E820Entry>
}

const pageSize = 4096

/** Offsets in the page; those from 0x1f1 are the setup header's (boot.rst). */
const at = {
  rsdp: 0x070,
  e820Entries: 0x1e8,
  setupHeader: 0x1f1,
  vidMode: 0x1fa,
  bootFlag: 0x1fe,
  magic: 0x202,
  version: 0x206,
  loader: 0x210,
  loadFlags: 0x211,
  initrdAddress: 0x218,
  initrdSize: 0x21c,
  cmdline: 0x228,
  kernelAlignment: 0x230,
  e820: 0x2d0
} as const

/** `type_of_loader`: a loader without a registered number. */
const unregisteredLoader = 0xff
/** LOADED_HIGH: the kernel's code lies above 1 MiB. */
const loadedHigh = 1
/** `vid_mode`: the normal text mode; there is no video card. */
const normalVideo = 0xffff

/**
 * At most 128 e820 entries fit; this machine has five.
 *
 * @since 0.1.0
 * @category constructors
 */
export const zeroPage = (options: ZeroPageOptions): Uint8Array => {
  const page = new Uint8Array(pageSize)
  const view = new DataView(page.buffer)
  if (options.setupHeader !== undefined) {
    page.set(options.setupHeader, at.setupHeader)
  } else {
    // An ELF kernel has no header because it lacks the setup code. It reads these fields and takes the rest as 0.
    view.setUint16(at.bootFlag, 0xaa55, true)
    page.set(new TextEncoder().encode("HdrS"), at.magic)
    // Protocol 2.15; the setup code does not run.
    view.setUint16(at.version, 0x020f, true)
    view.setUint32(at.kernelAlignment, 0x1000000, true)
  }
  view.setUint16(at.vidMode, normalVideo, true)
  page[at.loader] = unregisteredLoader
  page[at.loadFlags]! |= loadedHigh
  view.setUint32(at.initrdAddress, options.initrd?.address ?? 0, true)
  view.setUint32(at.initrdSize, options.initrd?.size ?? 0, true)
  view.setUint32(at.cmdline, options.cmdline, true)
  view.setBigUint64(at.rsdp, BigInt(options.rsdp), true)
  page[at.e820Entries] = options.e820.length
  page.set(encodeE820(options.e820), at.e820)
  return page
}
