import { describe, expect, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { makeRegistry, RegistrationError, type Registry, registering } from "../src/base/index.ts"

interface Tool {
  readonly name: string
  readonly aliases?: ReadonlyArray<string>
  readonly weight: number
}

const what = { kind: "tool", maker: "Tool.make", fields: { name: "name", weight: "number" } } as const

const make = makeRegistry<Tool, string>({
  what,
  builtin: [{ name: "hammer", weight: 2 }],
  unknown: (name, hint) => `no tool '${name}'${hint}`,
  accept: (tool) =>
    tool.weight < 0
      ? new RegistrationError({ message: `tool '${tool.name}' flies` })
      : Effect.succeed({ ...tool, weight: Math.round(tool.weight) })
})

describe("a registry", () => {
  it.effect("gives what was registered by name and alias, in order, as it was accepted", () =>
    Effect.gen(function* () {
      const { find, get, list, register } = yield* make
      yield* register({ name: "saw", aliases: ["blade"], weight: 1.4 })
      expect(yield* list).toEqual([
        { name: "hammer", weight: 2 },
        { name: "saw", aliases: ["blade"], weight: 1 }
      ])
      expect((yield* get("blade")).name).toBe("saw")
      expect(Option.isSome(yield* find("saw"))).toBe(true)
      expect(Option.isNone(yield* find("axe"))).toBe(true)
    })
  )

  it.effect("suggests the nearest name or alias, or tells what there is", () =>
    Effect.gen(function* () {
      const { get, register } = yield* make
      yield* register({ name: "saw", aliases: ["blade"], weight: 1 })
      expect(yield* Effect.flip(get("blad"))).toBe("no tool 'blad'; did you mean 'blade'?")
      const far = yield* Effect.flip(get("qqqqqq"))
      expect(far).toMatch(/^no tool 'qqqqqq'; /)
      expect(far).toContain("hammer")
      expect(far).not.toContain("blade")
    })
  )

  it.effect("refuses a name that is taken, and says by whom", () =>
    Effect.gen(function* () {
      const { list, register } = yield* make
      const refused = (tool: Tool) => Effect.map(Effect.flip(register(tool)), ({ message }) => message)
      yield* register({ name: "saw", aliases: ["blade"], weight: 1 })
      expect(yield* refused({ name: "saw", weight: 1 })).toBe(
        "tool 'saw': there is one of that name already; choose another"
      )
      expect(yield* refused({ name: "knife", aliases: ["blade"], weight: 1 })).toBe(
        "tool 'knife': the name 'blade' is taken by tool 'saw'; choose another"
      )
      expect(yield* refused({ name: "blade", weight: 1 })).toContain("is taken by tool 'saw'")
      expect((yield* list).length).toBe(2)
    })
  )

  it.effect("refuses values of another kind, and values that `accept` refuses", () =>
    Effect.gen(function* () {
      const { list, register } = yield* make
      for (const junk of [null, 7, [], {}, { name: " ", weight: 1 }, { name: "saw", weight: "1" }] as Array<unknown>) {
        const error = yield* Effect.flip(register(junk as Tool))
        expect(error).toBeInstanceOf(RegistrationError)
        expect(error.message).toContain("tool")
      }
      expect((yield* Effect.flip(register({ name: "balloon", weight: -1 }))).message).toBe("tool 'balloon' flies")
      // No list of names, from a plugin without a compiler.
      yield* register({ name: "axe", aliases: 5 as unknown as ReadonlyArray<string>, weight: 1 })
      expect((yield* list).map(({ name }) => name)).toEqual(["hammer", "axe"])
    })
  )

  it.effect("is filled by a layer", () => {
    class Tools extends Context.Tag("test/Tools")<Tools, Registry<Tool, string>>() {}
    const filled = registering(Tools, what, [{ name: "saw", weight: 1 }])
    return Effect.gen(function* () {
      expect((yield* (yield* Tools).get("saw")).weight).toBe(1)
    }).pipe(Effect.provide(Layer.provideMerge(filled, Layer.effect(Tools, make))))
  })
})
