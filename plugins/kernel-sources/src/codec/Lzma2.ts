/**
 * LZMA2, the compression inside .xz files: chunks of LZMA or of plain bytes (tukaani.org/xz/xz-file-format.txt, 5.3.1, and the LZMA
 * specification of the LZMA SDK, whose names these are).
 *
 * @since 0.1.0
 */

const probabilityBits = 11
const initialProbability = 1 << (probabilityBits - 1)
const moveBits = 5
const topValue = 2 ** 24

const states = 12
const positionStates = 16
const lengthStates = 4
const minMatch = 2

/** Where each model begins in the one array of probabilities. */
const at = {
  isMatch: 0,
  isRep: states * positionStates,
  isRep0: states * (positionStates + 1),
  isRep1: states * (positionStates + 2),
  isRep2: states * (positionStates + 3),
  isRep0Long: states * (positionStates + 4),
  positionSlot: states * (2 * positionStates + 4),
  special: states * (2 * positionStates + 4) + lengthStates * 64,
  align: states * (2 * positionStates + 4) + lengthStates * 64 + 128,
  matchLength: states * (2 * positionStates + 4) + lengthStates * 64 + 144,
  repLength: states * (2 * positionStates + 4) + lengthStates * 64 + 144 + 514,
  literal: states * (2 * positionStates + 4) + lengthStates * 64 + 144 + 2 * 514
} as const

/** Within a length model: two choices, then trees of 3, 3 and 8 bits, the first two for each position state. */
const inLength = { choice: 0, choice2: 1, low: 2, mid: 2 + 8 * positionStates, high: 2 + 16 * positionStates } as const

const literalModel = 0x300

class Lzma {
  private probabilities = new Uint16Array(0)
  private input: Uint8Array
  private read = 0
  private range = 0
  private code = 0
  private state = 0
  private rep0 = 0
  private rep1 = 0
  private rep2 = 0
  private rep3 = 0
  private lc = 0
  private literalPositions = 0
  private positions = 0

  constructor(
    input: Uint8Array,
    private readonly out: Uint8Array
  ) {
    this.input = input
  }

  setProperties(byte: number): void {
    if (byte >= 9 * 5 * 5) throw new Error(`LZMA properties ${byte} are out of range`)
    this.lc = byte % 9
    const lp = Math.floor(byte / 9) % 5
    const pb = Math.floor(byte / 45)
    if (this.lc + lp > 4) throw new Error(`LZMA2 allows no ${this.lc} + ${lp} bits of literal context`)
    this.literalPositions = (1 << lp) - 1
    this.positions = (1 << pb) - 1
    this.probabilities = new Uint16Array(at.literal + (literalModel << (this.lc + lp)))
  }

  resetState(): void {
    this.probabilities.fill(initialProbability)
    this.state = 0
    this.rep0 = this.rep1 = this.rep2 = this.rep3 = 0
  }

  private bit(model: number): number {
    const { probabilities } = this
    const probability = probabilities[model]!
    const bound = (this.range >>> probabilityBits) * probability
    let bit: number
    if (this.code < bound) {
      this.range = bound
      probabilities[model] = probability + (((1 << probabilityBits) - probability) >>> moveBits)
      bit = 0
    } else {
      this.range -= bound
      this.code -= bound
      probabilities[model] = probability - (probability >>> moveBits)
      bit = 1
    }
    if (this.range < topValue) {
      this.range = (this.range << 8) >>> 0
      this.code = ((this.code << 8) | this.input[this.read++]!) >>> 0
    }
    return bit
  }

  private tree(model: number, bits: number): number {
    let symbol = 1
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.bit(model + symbol)
    return symbol - (1 << bits)
  }

  private reverseTree(model: number, bits: number): number {
    let node = 1
    let symbol = 0
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(model + node)
      node = (node << 1) | bit
      symbol |= bit << i
    }
    return symbol
  }

  private directBits(count: number): number {
    let symbol = 0
    for (let i = 0; i < count; i++) {
      this.range >>>= 1
      const bit = this.code >= this.range ? 1 : 0
      if (bit === 1) this.code -= this.range
      symbol = symbol * 2 + bit
      if (this.range < topValue) {
        this.range = (this.range << 8) >>> 0
        this.code = ((this.code << 8) | this.input[this.read++]!) >>> 0
      }
    }
    return symbol
  }

  private length(model: number, positionState: number): number {
    if (this.bit(model + inLength.choice) === 0) return this.tree(model + inLength.low + positionState * 8, 3)
    if (this.bit(model + inLength.choice2) === 0) return 8 + this.tree(model + inLength.mid + positionState * 8, 3)
    return 16 + this.tree(model + inLength.high, 8)
  }

  private distance(length: number): number {
    const slot = this.tree(at.positionSlot + Math.min(length, lengthStates - 1) * 64, 6)
    if (slot < 4) return slot
    const bits = (slot >>> 1) - 1
    const base = (2 | (slot & 1)) * 2 ** bits
    if (slot < 14) return base + this.reverseTree(at.special + base - slot, bits)
    return base + this.directBits(bits - 4) * 16 + this.reverseTree(at.align, 4)
  }

  private literal(position: number, dictionary: number): number {
    const previous = position > dictionary ? this.out[position - 1]! : 0
    const offset = position - dictionary
    const context = ((offset & this.literalPositions) << this.lc) + (previous >>> (8 - this.lc))
    const model = at.literal + literalModel * context
    let symbol = 1
    if (this.state >= 7) {
      let match = this.out[position - this.rep0 - 1]!
      while (symbol < 0x100) {
        const matchBit = (match >>> 7) & 1
        match = (match << 1) & 0xff
        const bit = this.bit(model + ((1 + matchBit) << 8) + symbol)
        symbol = (symbol << 1) | bit
        if (matchBit !== bit) break
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.bit(model + symbol)
    return symbol & 0xff
  }

  /** The length of the repeated match, or 0 after a single byte of it. */
  private repeated(positionState: number): number {
    const { state } = this
    if (this.bit(at.isRep0 + state) === 0) {
      if (this.bit(at.isRep0Long + state * positionStates + positionState) === 0) {
        this.state = state < 7 ? 9 : 11
        return 0
      }
    } else {
      let distance = this.rep1
      if (this.bit(at.isRep1 + state) === 1) {
        distance = this.rep2
        if (this.bit(at.isRep2 + state) === 1) {
          distance = this.rep3
          this.rep3 = this.rep2
        }
        this.rep2 = this.rep1
      }
      this.rep1 = this.rep0
      this.rep0 = distance
    }
    this.state = state < 7 ? 8 : 11
    return minMatch + this.length(at.repLength, positionState)
  }

  private match(positionState: number): number {
    this.rep3 = this.rep2
    this.rep2 = this.rep1
    this.rep1 = this.rep0
    this.state = this.state < 7 ? 7 : 10
    const length = this.length(at.matchLength, positionState)
    this.rep0 = this.distance(length)
    return minMatch + length
  }

  /** One chunk from `from` to `to` of the input into the output from `write` to `end`; the dictionary began at `dictionary`. */
  chunk(from: number, to: number, write: number, end: number, dictionary: number): void {
    const { out, input } = this
    this.read = from + 5
    this.range = 0xffffffff
    this.code = ((input[from + 1]! << 24) | (input[from + 2]! << 16) | (input[from + 3]! << 8) | input[from + 4]!) >>> 0
    let position = write
    while (position < end) {
      const positionState = (position - dictionary) & this.positions
      const { state } = this
      if (this.bit(at.isMatch + state * positionStates + positionState) === 0) {
        out[position] = this.literal(position, dictionary)
        position++
        this.state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6
        continue
      }
      const length = this.bit(at.isRep + state) === 1 ? this.repeated(positionState) || 1 : this.match(positionState)
      const back = this.rep0 + 1
      if (back > position - dictionary) throw new Error(`a match ${back} bytes back begins before the data`)
      if (length > end - position) throw new Error("a match leaves its chunk")
      if (back >= length) out.copyWithin(position, position - back, position - back + length)
      else for (let i = 0; i < length; i++) out[position + i] = out[position + i - back]!
      position += length
    }
    // The encoder flushes the range coder; what it decodes to at the end is 0 and the chunk is used up.
    if (this.read > to) throw new Error("a chunk is cut short")
  }
}

/**
 * Decodes from `from` until the end marker, to exactly `size` bytes; gives the position behind the marker too. Throws on corrupt data.
 *
 * @since 0.1.0
 * @category codecs
 */
export const decodeLzma2 = (
  input: Uint8Array,
  from: number,
  size: number
): { readonly bytes: Uint8Array; readonly end: number } => {
  const bytes = new Uint8Array(size)
  const lzma = new Lzma(input, bytes)
  let read = from
  let write = 0
  let dictionary = 0
  let properties = false
  for (;;) {
    const control = input[read++]
    if (control === undefined) throw new Error("LZMA2 data without an end")
    if (control === 0) break
    if (control === 1 || control >= 0xe0) dictionary = write
    const compressed = control >= 0x80
    if (!compressed && control > 2) throw new Error(`LZMA2 control byte ${control} is reserved`)
    const high = compressed ? (control & 0x1f) << 16 : 0
    const length = high + (input[read]! << 8) + input[read + 1]! + 1
    read += 2
    if (!(write + length <= size)) throw new Error(`more than the ${size} bytes its trailer promises`)
    if (!compressed) {
      if (read + length > input.length) throw new Error("a chunk runs past the input")
      bytes.set(input.subarray(read, read + length), write)
      read += length
    } else {
      const packed = (input[read]! << 8) + input[read + 1]! + 1
      read += 2
      if (control >= 0xc0) {
        lzma.setProperties(input[read++]!)
        properties = true
      }
      if (!properties) throw new Error("the first chunk has no properties")
      if (control >= 0xa0) lzma.resetState()
      if (!(read + packed <= input.length)) throw new Error("a chunk runs past the input")
      lzma.chunk(read, read + packed, write, write + length, dictionary)
      read += packed
    }
    write += length
  }
  if (write !== size) throw new Error(`${write} bytes instead of the ${size} its trailer promises`)
  return { bytes, end: read }
}
