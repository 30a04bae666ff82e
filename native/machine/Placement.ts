/**
 * Where kernel and initramfs are placed, and whether they fit.
 *
 * @since 0.1.0
 */
import { Either } from "effect"
import type { AddressRange, KernelLoad } from "./KernelLoad.ts"
import { MachineError } from "./MachineError.ts"

const pageSize = 4096
const mib = 1024 * 1024

const overlap = (a: AddressRange, b: AddressRange): boolean =>
  a.address < b.address + b.size && b.address < a.address + a.size

const text = (range: AddressRange): string =>
  `0x${range.address.toString(16)} to 0x${(range.address + range.size).toString(16)}`

const inMib = (bytes: number): string => `${Math.ceil(bytes / mib)} MiB`

/**
 * @since 0.1.0
 * @category models
 */
export interface PlacementOptions {
  readonly kernel: KernelLoad
  readonly initrdSize: number
  /** RAM between the ACPI tables and the hole. */
  readonly lowRam: AddressRange
  readonly reserved: AddressRange | undefined
}

/**
 * Checks the kernel's range and the reserved range. Returns the highest free place for the initramfs (undefined if
 * there is no initramfs), so that it is out of the way of a kernel that moves itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const placeInitrd = (options: PlacementOptions): Either.Either<AddressRange | undefined, MachineError> => {
  const { kernel, initrdSize, lowRam, reserved } = options
  const lowEnd = lowRam.address + lowRam.size
  const inside = (range: AddressRange): boolean =>
    range.address >= lowRam.address && range.address + range.size <= lowEnd
  if (kernel.occupied.address < lowRam.address) {
    return Either.left(
      new MachineError({
        reason: "BadKernel",
        message: `kernel wants to be loaded at ${text(kernel.occupied)}, but RAM for it begins at 0x${lowRam.address.toString(16)}; build it with CONFIG_PHYSICAL_START=0x1000000`
      })
    )
  }
  if (!inside(kernel.occupied)) {
    return Either.left(
      new MachineError({
        reason: "OutOfMemory",
        message: `kernel needs memory up to ${inMib(kernel.occupied.address + kernel.occupied.size)}, the guest has ${inMib(lowEnd)} below its device hole; give it more memory`
      })
    )
  }
  if (reserved !== undefined) {
    if (!inside(reserved)) {
      return Either.left(
        new MachineError({
          reason: "BadSpec",
          message: `reserved range ${text(reserved)} is outside low RAM (${text(lowRam)}); give the guest more memory or move the range`
        })
      )
    }
    if (overlap(reserved, kernel.occupied)) {
      return Either.left(
        new MachineError({
          reason: "BadSpec",
          message: `reserved range ${text(reserved)} overlaps the kernel at ${text(kernel.occupied)}; move the range`
        })
      )
    }
  }
  if (initrdSize === 0) return Either.right(undefined)
  const below = (end: number): AddressRange => ({
    address: Math.floor((end - initrdSize) / pageSize) * pageSize,
    size: initrdSize
  })
  const top = Math.min(lowEnd, kernel.initrdMax + 1)
  const candidates = [below(top), ...(reserved === undefined ? [] : [below(Math.min(top, reserved.address))])]
  const kernelEnd = kernel.occupied.address + kernel.occupied.size
  const free = candidates.find(
    (range) => range.address >= kernelEnd && (reserved === undefined || !overlap(range, reserved))
  )
  return free === undefined
    ? Either.left(
        new MachineError({
          reason: "OutOfMemory",
          message: `no room for an initramfs of ${inMib(initrdSize)} above the kernel (${text(kernel.occupied)}) in ${inMib(lowEnd)} of low RAM; give the guest more memory`
        })
      )
    : Either.right(free)
}
