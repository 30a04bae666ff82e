import { Duration, Either } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { WireError } from "../../src/protocol/Wire.ts"
import type { WorkNode } from "../../src/work/Node.ts"
import { WorkProgram as P, type WorkProgram } from "../../src/work/Program.ts"
import { decodeProgram, encodeProgram } from "../../src/work/ProgramCodec.ts"
import { programs } from "./samples.ts"

const index = fc.nat(63)
const u32 = fc.integer({ min: 1, max: 0xffffffff })
const big = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const transfer = fc.integer({ min: 1, max: 2 ** 20 })

const leaf: fc.Arbitrary<WorkNode> = fc.oneof(
  big.map(P.spin),
  fc.constantFrom(P.yieldNow, P.fileSync, P.forkExit),
  fc.nat(1e9).map((ns) => P.sleep(BigInt(ns))),
  fc.tuple(index, fc.nat(0x7fffffff)).map(([word, wake]) => P.post(word, wake)),
  index.map(P.await),
  fc.tuple(index, transfer).map(([channel, bytes]) => P.pipeWrite(channel, bytes)),
  fc.tuple(index, transfer).map(([channel, bytes]) => P.pipeRead(channel, bytes)),
  fc
    .tuple(fc.integer({ min: 1, max: 2 ** 40 }), u32, u32)
    .map(([bytes, stride, passes]) => P.walk(bytes, stride, passes)),
  fc.tuple(fc.integer({ min: 1, max: 1024 }), u32).map(([n, reps]) => P.matmul(n, reps)),
  fc.tuple(fc.nat(7), fc.boolean()).map(([slot, noHugePages]) => P.map(slot, 4096, { noHugePages })),
  fc.tuple(fc.nat(7), u32, fc.boolean()).map(([slot, pages, random]) => P.touch(slot, pages, { random })),
  fc.tuple(big, transfer).map(([bytes, block]) => P.fileWrite(bytes, block)),
  fc
    .tuple(big, fc.boolean(), fc.boolean())
    .map(([bytes, random, direct]) => P.fileRead(bytes, 8192, { span: 2 ** 30, random, direct })),
  fc.integer({ min: -20, max: 19 }).map(P.setNice),
  fc.constantFrom(P.setPolicy("Ext"), P.setPolicy("RoundRobin", 1), P.setPolicy("Batch")),
  fc.constantFrom(P.setAffinity("random"), P.setAffinity("initial"), P.setAffinity([0, 7, 4095])),
  index.map(P.lock),
  index.map(P.unlock),
  fc
    .tuple(fc.constantFrom("/bin/true", "/ä"), fc.array(fc.constantFrom("", "-x", "ü")))
    .map(([p, argv]) => P.exec(p, argv))
)

const { node } = fc.letrec<{ node: WorkNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    leaf,
    fc.tuple(big, fc.array(tie("node"), { minLength: 1, maxLength: 3 })).map(([n, body]) => P.repeat(n, body)),
    fc.array(tie("node"), { minLength: 1, maxLength: 3 }).map((body) => P.forDuration(5n, body)),
    fc.array(fc.array(tie("node"), { maxLength: 3 }), { minLength: 1, maxLength: 3 }).map(P.cycle),
    fc.array(fc.array(tie("node"), { maxLength: 3 }), { minLength: 1, maxLength: 3 }).map(P.roles)
  )
}))
const list = fc.array(node, { maxLength: 4 })
const program: fc.Arbitrary<WorkProgram> = fc.record({
  setup: list,
  body: fc.array(node, { minLength: 1, maxLength: 4 }),
  teardown: list
})

const problem = (...body: ReadonlyArray<WorkNode>): string => {
  const checked = P.validate(P.make({ body }))
  return Either.isLeft(checked) ? checked.left.message : "accepted"
}

describe("WorkProgram", () => {
  it("comes back from its bytes", () => {
    fc.assert(
      fc.property(program, (sent) => {
        const bytes = Either.getOrThrow(P.encode(sent))
        expect(decodeProgram(bytes)).toEqual(sent)
      })
    )
  })

  it("has one encoding, and mangled bytes are refused with a WireError or mean what they say", () => {
    const mangled = fc.tuple(
      fc.constantFrom(...Object.values(programs)),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }),
      fc.option(fc.nat())
    )
    fc.assert(
      fc.property(mangled, ([sent, changes, cut]) => {
        const whole = Either.getOrThrow(P.encode(sent))
        for (const [place, value] of changes) whole[place % whole.length] = value
        const bytes = cut === null ? whole : whole.slice(0, cut % (whole.length + 1))
        try {
          expect(encodeProgram(decodeProgram(bytes))).toEqual(bytes)
        } catch (error) {
          if (!(error instanceof WireError)) throw error
        }
      }),
      { numRuns: 3000 }
    )
  })

  it("counts its channels over words, pipes and mutexes, at any depth", () => {
    expect(P.channels(programs.spin!)).toBe(0)
    expect(
      P.channels(P.make({ body: [P.repeat(2, [P.roles([[P.post(3)], [P.lock(9)]])])], teardown: [P.pipeRead(4)] }))
    ).toBe(10)
  })

  it("takes durations as Effect does", () => {
    expect(P.sleep("100 micros")).toMatchObject({ ns: 100_000 })
    expect(P.sleep(5)).toMatchObject({ ns: 5_000_000 })
    expect(P.sleep(5n)).toMatchObject({ ns: 5 })
    expect(P.forDuration(Duration.seconds(2), [P.yieldNow])).toMatchObject({ ns: 2_000_000_000 })
  })

  it("names the node at fault and the bound", () => {
    expect(problem(P.yieldNow, P.repeat(1, [P.spin(0)]))).toBe(
      "Work program, body[1].repeat[0] (Spin): n is 0; it must be a whole number from 1 to 9007199254740991"
    )
    expect(problem(P.cycle([[P.yieldNow], [P.setNice(20)]]))).toBe(
      "Work program, body[0].cycle[1][0] (SetNice): nice is 20; it must be a whole number from -20 to 19"
    )
    expect(problem()).toBe("Work program, body: it is empty; give at least one node")
    expect(problem(P.post(64))).toContain("word is 64; it must be a whole number from 0 to 63")
    expect(problem(P.setPolicy("Fifo"))).toContain("priority is 0; it must be a whole number from 1 to 99")
    expect(problem(P.fileRead(1, 512, { direct: true }))).toContain("multiple of 4096")
    expect(problem(P.setAffinity([]))).toContain("target has no CPU")
    expect(problem(P.exec(""))).toContain("path of the executable is empty")
    expect(problem(P.spin(Number.NaN))).toContain("n is NaN")
  })

  it("is refused when it is too deep or too long, as the agent would", () => {
    const deep = (levels: number): WorkNode => (levels === 0 ? P.yieldNow : P.repeat(1, [deep(levels - 1)]))
    expect(problem(deep(15))).toBe("accepted")
    expect(problem(deep(16))).toContain("nested deeper than 16")
    expect(decodeProgram(encodeProgram(P.make({ body: [deep(15)] }))).body).toEqual([deep(15)])
    expect(() => decodeProgram(encodeProgram(P.make({ body: [deep(16)] })))).toThrow("nested deeper than 16")
    expect(problem(...Array.from({ length: 4096 }, () => P.yieldNow))).toBe("accepted")
    expect(problem(...Array.from({ length: 4097 }, () => P.yieldNow))).toContain("more than 4096 nodes")
  })
})
