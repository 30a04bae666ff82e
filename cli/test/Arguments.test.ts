import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect, Either } from "effect"
import { parse } from "../src/parse/Arguments.ts"

const failure = (...argv: ReadonlyArray<string>) =>
  Effect.map(Effect.either(parse(argv)), (result) => {
    if (Either.isRight(result)) throw new Error(`understood: ${JSON.stringify(result.right)}`)
    expect(result.left._tag).toBe("UsageError")
    expect(result.left.message).not.toContain("\n")
    return result.left.message
  })

describe("parse", () => {
  it.effect("takes options before, between and after positional arguments", () =>
    Effect.gen(function* () {
      const invocation = yield* parse([
        "run",
        "--topology=1n2l2c1t",
        "steady",
        "-d",
        "5",
        "cgroupAdd",
        "--isolation",
        "--format",
        "json"
      ])
      expect(invocation.command).toBe("run")
      expect(invocation.args).toEqual(["steady", "cgroupAdd"])
      expect(invocation.values).toMatchObject({
        topology: "1n2l2c1t",
        duration: "5",
        isolation: true,
        relaxed: false,
        format: "json"
      })
      expect(invocation.values).toHaveProperty("memory", undefined)
    })
  )

  it.effect("takes values that begin with a dash or hold an equals sign", () =>
    Effect.gen(function* () {
      const invocation = yield* parse(["run", "--duration", "-1", "--kargs", "a=b quiet", "--kargs=--c"])
      expect(invocation.values).toMatchObject({ duration: "-1", kargs: ["a=b quiet", "--c"] })
    })
  )

  it.effect("reads two-word commands", () =>
    Effect.gen(function* () {
      const fetch = yield* parse(["kernel", "fetch", "distro:x/y", "--json"])
      expect(fetch).toMatchObject({ command: "kernel fetch", args: ["distro:x/y"], values: { json: true } })
      expect((yield* parse(["kernel", "list"])).command).toBe("kernel list")
    })
  )

  it.effect("hands on what stands after --", () =>
    Effect.gen(function* () {
      expect(yield* parse(["test", "a.ktstr.ts", "--", "--bail=1", "-t", "x"])).toMatchObject({
        args: ["a.ktstr.ts"],
        rest: ["--bail=1", "-t", "x"]
      })
      expect(yield* failure("run", "--", "x")).toBe("ktstr run takes no arguments after --, got 'x'")
    })
  )

  it.effect("falls back to KTSTR_ variables, which options override", () =>
    Effect.gen(function* () {
      expect((yield* parse(["run"])).values).toMatchObject({ vmm: "qemu-tcg", kernel: [] })
      expect((yield* parse(["run", "--vmm", "qemu"])).values).toMatchObject({ vmm: "qemu" })
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["KTSTR_VMM", "qemu-tcg"]]))))
  )

  it.effect("takes an empty variable for none, and reads none into an option without one", () =>
    Effect.gen(function* () {
      expect((yield* parse(["run"])).values).toMatchObject({ vmm: undefined, memory: undefined })
    }).pipe(
      Effect.withConfigProvider(
        ConfigProvider.fromMap(
          new Map([
            ["KTSTR_VMM", ""],
            ["memory", "1"]
          ])
        )
      )
    )
  )

  it.effect("answers mistyped names with the ones that were meant", () =>
    Effect.gen(function* () {
      expect(yield* failure("rnu")).toBe("unknown command 'rnu'; did you mean 'run'?")
      expect(yield* failure("frobnicate")).toBe("unknown command 'frobnicate'; see: ktstr --help")
      expect(yield* failure("kernel", "fetsch")).toBe("unknown kernel command 'fetsch'; did you mean 'fetch'?")
      expect(yield* failure("kernel")).toBe("ktstr kernel needs a command: fetch, build, list, clean")
      expect(yield* failure("run", "--topolgy", "x")).toBe("unknown option '--topolgy'; did you mean '--topology'?")
      expect(yield* failure("run", "-q")).toBe("unknown option '-q'; see: ktstr run --help")
      expect(yield* failure("--json", "list")).toMatch(/^unknown option '--json'; the command comes first/)
      expect(yield* failure()).toBe("no command given; see: ktstr --help")
    })
  )

  it.effect("refuses what an option cannot take", () =>
    Effect.gen(function* () {
      expect(yield* failure("run", "--topology")).toBe("--topology needs a value: --topology SHAPE")
      expect(yield* failure("run", "--topology=")).toBe("--topology needs a value: --topology SHAPE")
      expect(yield* failure("run", "--isolation=yes")).toBe("--isolation takes no value, got 'yes'")
      expect(yield* failure("run", "--seed", "1", "--seed", "2")).toBe(
        "--seed was given twice, and ktstr run takes one: give --seed N once"
      )
      expect(yield* failure("topo", "x")).toBe("ktstr topo takes no arguments, got 'x'")
      expect(yield* failure("list", "presets", "x")).toBe("ktstr list takes at most 1 argument, got 'x'")
    })
  )
})
