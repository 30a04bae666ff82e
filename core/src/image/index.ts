/**
 * The files that a machine boots from: kernel images, ELF files, and the initramfs with its content.
 *
 * @since 0.2.0
 */
export { type Busybox, BusyboxMissing, findBusybox } from "./Busybox.ts"
export {
  type BzImageHeader,
  type KernelImage,
  KernelImageError,
  kernelHeaderSize,
  type PayloadFormat,
  parseKernelImage,
  payloadFormat,
  splitPayload
} from "./BzImage.ts"
export {
  type CpioEntry,
  CpioError,
  decodeCpio,
  encodeCpio,
  encodeCpioMember,
  encodeCpioParts,
  encodeCpioTrailer
} from "./Cpio.ts"
export {
  btfNames,
  type ElfDynamic,
  ElfError,
  type ElfProgram,
  type ElfRange,
  type ElfSection,
  type ElfSegment,
  elfDynamic,
  elfProgram,
  elfSections,
  isElf
} from "./Elf.ts"
export { ElfDepsError, type ProgramNeeds, programNeeds } from "./ElfDeps.ts"
export { type IncludedFile, type Includes, resolveInclude, resolveIncludes } from "./Include.ts"
export { type BaseArchive, type GuestFile, InitramfsError, packBase, packRun } from "./Initramfs.ts"
export { buildOfElf, buildOfImage, type KernelBuild } from "./KernelBanner.ts"
export { hasSchedExt, inspectKernel, type PayloadCodec, PayloadCodecs, unpackKernel } from "./KernelPayload.ts"
export { decodeOutside, decodeOutsideJson, describeText, parseOutsideJson } from "./OutsideJson.ts"
