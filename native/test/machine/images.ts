// Kernels as small as their formats allow.
import type { KernelFile } from "../../machine/KernelLoad.ts"

export interface Load {
  readonly address: number
  readonly bytes: Uint8Array
  readonly memorySize: number
}

/** An ELF64 executable for x86-64 with these segments and one note. */
export const elfKernel = (entry: number, loads: ReadonlyArray<Load>): Uint8Array => {
  const headers = 64 + 56 * (loads.length + 1)
  const file = Buffer.alloc(headers + loads.reduce((sum, load) => sum + load.bytes.length, 0))
  file.write("\x7fELF", 0, "latin1")
  file.set([2, 1, 1], 4)
  file.writeUInt16LE(2, 16)
  file.writeUInt16LE(62, 18)
  file.writeBigUInt64LE(BigInt(entry), 24)
  file.writeBigUInt64LE(64n, 32)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(loads.length + 1, 56)
  let at = headers
  for (const [index, load] of loads.entries()) {
    const header = 64 + 56 * index
    file.writeUInt32LE(1, header)
    file.writeBigUInt64LE(BigInt(at), header + 8)
    file.writeBigUInt64LE(0xffffffff80000000n + BigInt(load.address), header + 16)
    file.writeBigUInt64LE(BigInt(load.address), header + 24)
    file.writeBigUInt64LE(BigInt(load.bytes.length), header + 32)
    file.writeBigUInt64LE(BigInt(load.memorySize), header + 40)
    file.set(load.bytes, at)
    at += load.bytes.length
  }
  file.writeUInt32LE(4, 64 + 56 * loads.length)
  return file
}

/** As it is on disk. */
export const fileOf = (bytes: Uint8Array): KernelFile => ({ head: bytes, size: bytes.length })

export const bytesOf = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff)

export const smallKernel = elfKernel(0x1000040, [
  { address: 0x1000000, bytes: bytesOf(300), memorySize: 300 },
  { address: 0x1200000, bytes: bytesOf(100, 7), memorySize: 0x100000 }
])

/** A bzImage of one setup sector besides the boot sector. */
export const bzImage = (code: Uint8Array, options: { readonly cmdlineSize?: number } = {}): Uint8Array => {
  const setup = 1024
  const padded = Math.ceil(code.length / 16) * 16
  const file = Buffer.alloc(setup + padded)
  file[0x1f1] = 1
  file.writeUInt32LE(padded / 16, 0x1f4)
  file.writeUInt16LE(0xaa55, 0x1fe)
  // A short jump over the header, which ends at 0x26c.
  file.set([0xeb, 0x6a], 0x200)
  file.write("HdrS", 0x202)
  file.writeUInt16LE(0x020f, 0x206)
  file[0x211] = 1
  file.writeUInt32LE(0x7fffffff, 0x22c)
  file.writeUInt32LE(0x200000, 0x230)
  file[0x234] = 1
  file.writeUInt16LE(0x3f, 0x236)
  file.writeUInt32LE(options.cmdlineSize ?? 2047, 0x238)
  file.writeBigUInt64LE(0x1000000n, 0x258)
  file.writeUInt32LE(0x400000, 0x260)
  file.write("behind the header", 0x26c)
  file.set(code, setup)
  return file
}
