import { describe, expect, it } from "@effect/vitest"
import { Either } from "effect"
import * as fc from "fast-check"
import { FlagProfile, Scheduler, SchedulerBinary } from "../../src/index.ts"

const six = Scheduler.make("scx_six", {
  binary: SchedulerBinary.Discover("scx_six"),
  flags: {
    llc: { args: ["--enable-llc"] },
    steal: { args: ["--enable-stealing", "2"], requires: ["llc"] },
    borrow: { args: ["--enable-borrow"] },
    rebal: { args: ["--enable-rebalancing"] },
    reject: { args: ["--reject-affinity"] },
    ctrl: { args: ["--no-cpu-controller"] }
  }
})

const all = (options?: Parameters<typeof FlagProfile.all>[1]) => Either.getOrThrow(FlagProfile.all(six, options))
const refused = (options: Parameters<typeof FlagProfile.all>[1]) =>
  Either.getOrThrow(Either.flip(FlagProfile.all(six, options))).message

describe("FlagProfile", () => {
  it("six flags with one dependency make 48 profiles", () => {
    const profiles = all()
    expect(profiles).toHaveLength(48)
    expect(new Set(profiles.map(({ name }) => name)).size).toBe(48)
    expect(profiles[0]).toEqual({ name: "default", flags: [] })
    expect(profiles.at(-1)?.name).toBe("llc+steal+borrow+rebal+reject+ctrl")
    for (const { flags } of profiles) expect(!flags.includes("steal") || flags.includes("llc")).toBe(true)
  })

  it("requiring a flag requires what it requires", () => {
    const profiles = all({ required: ["steal"] })
    expect(profiles).toHaveLength(16)
    expect(profiles[0]?.name).toBe("llc+steal")
    for (const { flags } of profiles) expect(flags).toEqual(expect.arrayContaining(["llc", "steal"]))
  })

  it("excluding a flag excludes what requires it", () => {
    const profiles = all({ excluded: ["llc", "ctrl"] })
    expect(profiles).toHaveLength(8)
    for (const { flags } of profiles) for (const flag of ["llc", "steal", "ctrl"]) expect(flags).not.toContain(flag)
  })

  it("refuses what can't be in one line", () => {
    expect(refused({ required: ["steal"], excluded: ["llc"] })).toBe(
      "scheduler 'scx_six': flag 'llc' is required and excluded at once"
    )
    expect(refused({ required: ["stael"] })).toBe("scheduler 'scx_six': no flag 'stael'; did you mean 'steal'?")
    expect(Either.getOrThrow(Either.flip(FlagProfile.of(Scheduler.eevdf, ["llc"]))).message).toBe(
      "scheduler 'eevdf': no flag 'llc': it declares none"
    )
  })

  it("refuses more profiles than anyone waits for", () => {
    const names = Array.from({ length: 17 }, (_, i) => `f${i}`)
    const many = Scheduler.make("many", {
      binary: SchedulerBinary.Eevdf,
      flags: Object.fromEntries(names.map((name) => [name, { args: [] }]))
    })
    expect(Either.getOrThrow(Either.flip(FlagProfile.all(many))).message).toMatch(/17 optional flags make 2\^17/)
    expect(Either.getOrThrow(FlagProfile.all(many, { required: ["f0"] }))).toHaveLength(2 ** 16)
  })

  it("gives arguments in the order of the declaration", () => {
    const profile = Either.getOrThrow(FlagProfile.of(six, ["rebal", "steal"]))
    expect(profile.name).toBe("llc+steal+rebal")
    expect(FlagProfile.args(six, profile)).toEqual(["--enable-llc", "--enable-stealing", "2", "--enable-rebalancing"])
  })

  it("profiles are closed under what flags require, for any dependencies", () => {
    const names = ["a", "b", "c", "d", "e"]
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 8 }), (edges) => {
        const requires = (i: number) => edges.flatMap(([from, to]) => (from === i ? [names[to]!] : []))
        const scheduler = Scheduler.make<string>("any", {
          binary: SchedulerBinary.Eevdf,
          flags: Object.fromEntries(names.map((name, i) => [name, { args: [name], requires: requires(i) }]))
        })
        const profiles = Either.getOrThrow(FlagProfile.all(scheduler))
        const isClosed = (flags: ReadonlyArray<string>) =>
          flags.every((flag) => requires(names.indexOf(flag)).every((other) => flags.includes(other)))
        const closed = Array.from({ length: 32 }, (_, bits) => names.filter((_, i) => (bits >> i) & 1)).filter(isClosed)
        expect(profiles.map(({ flags }) => flags.join("+")).sort()).toEqual(closed.map((set) => set.join("+")).sort())
      })
    )
  })
})
