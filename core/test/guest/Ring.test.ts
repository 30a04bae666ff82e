import { describe, expect, it } from "vitest"
import { makeRingWriter } from "../../src/session/Ring.ts"

const place = { address: 8192, size: 20 * 4096 }
const inputSize = 4096

/** Guest memory with a ring, and the agent's end of its input part (docs/protocol.md, "Ring"). */
const makeRing = (input = inputSize) => {
  const bytes = new Uint8Array(place.address + place.size)
  const view = new DataView(bytes.buffer)
  view.setUint32(place.address + 16, input, true)
  const writer = makeRingWriter(
    {
      size: bytes.length,
      read: (address, length) => bytes.slice(address, address + length),
      write: (address, data) => bytes.set(data, address)
    },
    place
  )
  let tail = 0
  const read = (): ReadonlyArray<number> => {
    const head = Number(view.getBigUint64(place.address + 192, true))
    const got: Array<number> = []
    for (; tail < head; tail++) got.push(bytes[bytes.length - inputSize + (tail % inputSize)]!)
    view.setBigUint64(place.address + 256, BigInt(tail), true)
    return got
  }
  return { writer, read, view }
}

describe("the input part of the ring", () => {
  it("carries bytes across its wrap", () => {
    const { read, writer } = makeRing()
    const got: Array<number> = []
    const sent = Array.from({ length: 30 }, (_, round) =>
      Uint8Array.from({ length: 1000 }, (_, i) => (round + i) % 256)
    )
    for (const bytes of sent) {
      expect(writer?.write(bytes)).toBe(1000)
      got.push(...read())
    }
    expect(got).toEqual(sent.flatMap((bytes) => [...bytes]))
  })

  it("takes what there is room for, and nothing over what was not read", () => {
    const { read, writer } = makeRing()
    expect(writer?.write(new Uint8Array(3000).fill(1))).toBe(3000)
    expect(writer?.write(new Uint8Array(3000).fill(2))).toBe(1096)
    expect(writer?.write(new Uint8Array(1))).toBe(0)
    expect(read()).toEqual([...new Array(3000).fill(1), ...new Array(1096).fill(2)])
    expect(writer?.write(new Uint8Array(5000))).toBe(4096)
  })

  it("leaves no room when the guest claims to have read more than was written", () => {
    const { view, writer } = makeRing()
    view.setBigUint64(place.address + 256, 77n, true)
    expect(writer?.write(new Uint8Array(1))).toBe(0)
  })

  it("may be absent, or contradict itself", () => {
    expect(makeRing(0).writer).toBeUndefined()
    expect(makeRing(place.size).writer).toBeUndefined()
  })
})
