/**
 * The x86 filter of .xz files: before compression the relative targets of CALL and JMP (0xe8, 0xe9) became absolute, so that calls of
 * one function look alike. This is the way back (tukaani.org/xz/xz-file-format.txt, 5.3.2).
 *
 * @since 0.1.0
 */

/** Only targets within ±16 MiB were converted: their highest byte is all zeros or ones. */
const isNear = (byte: number): boolean => byte === 0 || byte === 0xff

/**
 * By which of the last three bytes were opcodes themselves (bit 0: the one before): whether what follows may still be an
 * instruction, and how many bytes of its operand the nearest such opcode's operand overlaps.
 */
const mayFollow = [true, true, true, false, true, false, false, false] as const
const overlapOf = [0, 1, 2, 2, 3, 3, 3, 3] as const

const opcodeAndOperand = 5

/** The relative target of an absolute one; repeated while overlapping operands made the encoder repeat. */
const relative = (absolute: number, next: number, recent: number): number => {
  let source = absolute
  for (;;) {
    const target = (source - next) | 0
    if (recent === 0) return target
    const bits = overlapOf[recent]! * 8
    if (!isNear((target >>> (24 - bits)) & 0xff)) return target
    source = target ^ (2 ** (32 - bits) - 1)
  }
}

/**
 * Undoes the filter in place. The filter's positions count from the first byte.
 *
 * @since 0.1.0
 * @category codecs
 */
export const undoBcjX86 = (bytes: Uint8Array): void => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let lastOpcode = -1
  let recent = 0
  for (let i = 0; i + opcodeAndOperand <= bytes.length; i++) {
    if ((bytes[i]! & 0xfe) !== 0xe8) continue
    const since = i - lastOpcode
    lastOpcode = i
    recent = since > 3 ? 0 : (recent << (since - 1)) & 7
    if (recent !== 0 && (!mayFollow[recent] || isNear(bytes[i + 4 - overlapOf[recent]!]!))) {
      recent = ((recent << 1) | 1) & 7
      continue
    }
    if (!isNear(bytes[i + 4]!)) {
      recent = ((recent << 1) | 1) & 7
      continue
    }
    const target = relative(view.getInt32(i + 1, true), i + opcodeAndOperand, recent)
    // 25 bits, sign-extended.
    view.setInt32(i + 1, (target << 7) >> 7, true)
    i += 4
  }
}
