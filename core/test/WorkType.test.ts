import { describe, expect, it } from "@effect/vitest"
import { Duration, Effect, Either, Layer, Schema } from "effect"
import { WorkParam } from "../src/work/Param.ts"
import { WorkProgram } from "../src/work/Program.ts"
import { checkWorkerCount, layerWorkTypes, WorkType, WorkTypeRef, WorkTypes } from "../src/work/Type.ts"

const Wave = WorkType.make({
  name: "Wave",
  aliases: ["Surf"],
  description: "spins and sleeps",
  params: {
    spins: WorkParam.integer({ default: 10, min: 1, max: 100, description: "spins" }),
    rest: WorkParam.duration({ default: "5 millis", min: "1 micros", max: "1 second", description: "sleep" }),
    size: WorkParam.bytes({ default: 4096, min: 64, max: 2 ** 20, description: "buffer" })
  },
  groupSize: ({ spins }) => (spins === 99 ? 3 : 2),
  program: ({ rest, size, spins }) =>
    WorkProgram.make({ body: [WorkProgram.spin(spins), WorkProgram.sleep(rest), WorkProgram.walk(size, 64)] })
})

const registry = Layer.provideMerge(WorkType.layer(Wave), layerWorkTypes)

const resolved = (text: string) => Effect.flatMap(WorkTypeRef.parse(text), WorkTypeRef.resolve)

describe("WorkType", () => {
  it.layer(registry)((it) => {
    it.effect("is found by name and by alias, with its defaults", () =>
      Effect.gen(function* () {
        for (const text of ["Wave", "Surf"]) {
          const instance = yield* resolved(text)
          expect(instance.name).toBe("Wave")
          expect(instance.groupSize).toBe(2)
          expect(instance.program.body).toMatchObject([{ n: 10 }, { ns: 5e6 }, { bytes: 4096 }])
        }
      })
    )

    it.effect("takes parameters as text", () =>
      Effect.gen(function* () {
        const instance = yield* resolved("Wave:spins=99, rest=100us,size=32KiB")
        expect(instance.groupSize).toBe(3)
        expect(instance.program.body).toMatchObject([{ n: 99 }, { ns: 1e5 }, { bytes: 32768 }])
      })
    )

    it.effect("takes parameters as values", () =>
      Effect.gen(function* () {
        const instance = yield* WorkTypeRef.resolve(WorkTypeRef.of("Wave", { spins: 7, rest: Duration.millis(2) }))
        expect(instance.program.body).toMatchObject([{ n: 7 }, { ns: 2e6 }, { bytes: 4096 }])
      })
    )

    for (const [text, expected] of [
      ["Wavy", "unknown work type 'Wavy'; did you mean 'Wave'?"],
      ["Nothing", "unknown work type 'Nothing'; there are: Wave"],
      ["Wave:spin=1", "work type Wave has no parameter 'spin'; did you mean 'spins'?"],
      ["Wave:spins=0", "work type Wave: spins must be a whole number from 1 to 100, got '0'"],
      ["Wave:spins=1.5", "work type Wave: spins must be a whole number from 1 to 100, got '1.5'"],
      ["Wave:rest=soon", "work type Wave: rest must be a duration from 1us to 1s, got 'soon'"],
      ["Wave:rest=2m", "work type Wave: rest must be a duration from 1us to 1s, got '2m'"],
      ["Wave:size=1GiB", "work type Wave: size must be a size from 64B to 1MiB, got '1GiB'"]
    ] as const) {
      it.effect(`refuses ${text}`, () =>
        Effect.gen(function* () {
          expect((yield* Effect.flip(resolved(text))).message).toBe(expected)
        })
      )
    }

    it.effect("lists parameters with defaults and bounds", () =>
      Effect.gen(function* () {
        const types = yield* Effect.flatMap(WorkTypes, (service) => service.list)
        expect(types.map((type) => type.name)).toEqual(["Wave"])
        expect(types[0]?.defaultGroupSize).toBe(2)
        expect(types[0]?.params).toEqual([
          { name: "spins", description: "spins", type: "integer", default: "10", min: "1", max: "100" },
          { name: "rest", description: "sleep", type: "duration", default: "5ms", min: "1us", max: "1s" },
          { name: "size", description: "buffer", type: "bytes", default: "4KiB", min: "64B", max: "1MiB" }
        ])
      })
    )
  })

  it.effect("a name can be registered once only, aliases included", () =>
    Effect.gen(function* () {
      const second = WorkType.make({
        ...Wave,
        params: {},
        name: "Surf",
        aliases: [],
        program: () => WorkProgram.make({ body: [] })
      })
      const error = yield* Effect.flip(
        Layer.build(Layer.provideMerge(WorkType.layerAll([Wave, second]), layerWorkTypes))
      )
      expect(error.message).toBe("work type 'Surf': the name 'Surf' is taken by work type 'Wave'; choose another")
    }).pipe(Effect.scoped)
  )

  it.effect("a custom program needs no registration and is checked", () =>
    Effect.gen(function* () {
      const fine = WorkType.custom("mine", WorkProgram.make({ body: [WorkProgram.yieldNow] }), 4)
      expect((yield* WorkTypeRef.resolve(fine)).groupSize).toBe(4)
      const empty = yield* Effect.flip(WorkTypeRef.resolve(WorkType.custom("mine", WorkProgram.make({ body: [] }))))
      expect(empty.message).toContain("work type mine: Work program, body")
      const body = [WorkProgram.yieldNow]
      const size = yield* Effect.flip(WorkTypeRef.resolve(WorkType.custom("mine", WorkProgram.make({ body }), 0)))
      expect(size.message).toBe("work type mine: the group size is 0; it must be a whole number of at least 1")
    }).pipe(Effect.provide(layerWorkTypes))
  )

  it("takes parameters of any schema", () => {
    const mode = WorkParam.schema(Schema.Literal("soft", "hard"), {
      default: "soft",
      type: "soft|hard",
      description: "how",
      defaultText: "soft"
    })
    expect(mode.decode("hard")).toEqual(Either.right("hard"))
    expect(Either.getOrThrow(Either.flip(mode.decode("other")))).toContain('Expected "soft"')
  })

  it.each([
    ["", "the name is missing"],
    [":a=1", "the name is missing"],
    ["Wave:spins", "'spins' is not of the form param=value"],
    ["Wave:a=1,a=2", "'a' is given twice"]
  ])("refuses the text '%s'", (text, expected) => {
    const error = Either.getOrThrow(Either.flip(WorkTypeRef.parse(text)))
    expect(error.message).toBe(
      `work type '${text}': ${expected}; write NAME or NAME:param=value,param=value, for example Bursty:burst=10ms`
    )
  })

  it("words a wrong number of workers as the seed does", () => {
    const pipe = { name: "PipeIo", groupSize: 2, program: WorkProgram.make({ body: [WorkProgram.yieldNow] }) }
    const error = Either.getOrThrow(Either.flip(checkWorkerCount(pipe, 3)))
    expect(error.message).toBe("PipeIo requires num_workers divisible by 2, got 3")
    expect(Either.isRight(checkWorkerCount(pipe, 4))).toBe(true)
    expect(Either.getOrThrow(Either.flip(checkWorkerCount(pipe, 0))).message).toContain("at least 1, got 0")
  })
})
