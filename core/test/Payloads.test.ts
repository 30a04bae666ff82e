import { expect, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { describe } from "vitest"
import { PayloadCheck } from "../src/payload/Check.ts"
import { Payload, type PayloadOptions } from "../src/payload/Payload.ts"
import type { Command } from "../src/protocol/Command.ts"
import { Backdrop } from "../src/scenario/Backdrop.ts"
import { HoldSpec } from "../src/scenario/HoldSpec.ts"
import { Op } from "../src/scenario/Op.ts"
import { executeDefs, executeSteps, executeStepsWith } from "../src/scenario/Scenario.ts"
import { Step } from "../src/scenario/Step.ts"
import { compile, def, registry } from "./planBed.ts"

const payload = (name: string, options: Partial<PayloadOptions> = {}) =>
  Payload.make(name, { binary: name, ...options })

const fio = payload("fio")
const schbench = payload("schbench")

/** What the plan does with processes, and its steps and freezes. */
const brief = (commands: ReadonlyArray<Command>): ReadonlyArray<string> =>
  commands.flatMap((command) => {
    switch (command._tag) {
      case "ProcRun":
        return [`run ${command.id} ${command.argv.join(" ")} in ${command.cgroup === "" ? "/" : command.cgroup}`]
      case "ProcStop":
        return [
          `${command.signal === 0 ? "wait" : `signal ${command.signal}`} ${command.ids} ${command.graceNs / 1e9}s`
        ]
      case "CgroupWrite":
        return [`${command.file} ${command.value}`]
      case "Stop":
      case "Start":
      case "Hold":
      case "LoopBegin":
      case "LoopEnd":
        return [command._tag]
      default:
        return []
    }
  })

it.layer(registry)("payloads of a plan", (it) => {
  it.effect("start, are waited for and killed by name and cgroup", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.new(
            [
              Op.AddCgroup("a"),
              Op.RunPayload(fio, { cgroup: "a", timeout: "3 seconds" }),
              Op.RunPayload(fio),
              Op.WaitPayload("fio", { cgroup: "a", timeout: "2 seconds" }),
              Op.KillPayload(fio, { cgroup: "", signal: 9 }),
              Op.KillPayload("fio", { cgroup: "" }),
              Op.RunPayload(fio, { cgroup: "a" })
            ],
            HoldSpec.Fixed(0)
          )
        ])
      )
      expect(brief(plan.commands)).toEqual([
        "run 1 fio in a",
        "run 2 fio in /",
        "wait 1 2s",
        "signal 9 2 5s",
        "run 3 fio in a",
        "signal 15 3 5s"
      ])
      const runs = plan.commands.filter((command) => command._tag === "ProcRun")
      expect(runs.map(({ credit, deadlineNs, paced }) => [credit, deadlineNs, paced])).toEqual([
        [4 * 2 ** 20, 3e9, false],
        [4 * 2 ** 20, 0, false],
        [4 * 2 ** 20, 0, false]
      ])
      expect(plan.payloads.map(({ id, spec, step }) => [id, spec.cgroup, step])).toEqual([
        [1, "a", 0],
        [2, "", 0],
        [3, "a", 0]
      ])
    })
  )

  it.effect("end with what started them: a step's with the step, a backdrop's with the run, after the workers", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeStepsWith(
          ctx,
          [Step.withDefs([def("a").workers(1).payload(schbench)], HoldSpec.FULL)],
          {},
          Backdrop.empty.setOps([Op.RunPayload(fio)])
        )
      )
      expect(brief(plan.commands)).toEqual([
        "run 1 fio in /",
        "Start",
        "run 2 schbench in a",
        "Hold",
        "Stop",
        "signal 15 2 5s",
        "signal 15 1 5s"
      ])
    })
  )

  it.effect("take the place of the default workers of a definition, but not of others", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) => executeDefs(ctx, [def("a").payload(fio), def("b").workers(2).payload(fio)]))
      expect(plan.groups.map(({ cgroup, workers }) => [cgroup, workers])).toEqual([["b", 2]])
      expect(plan.payloads.map(({ spec }) => spec.cgroup)).toEqual(["a", "b"])
    })
  )

  it.effect("bring their programs and files, each once", () =>
    Effect.gen(function* () {
      const suite = payload("suite", {
        binary: { guest: "/opt/suite/run" },
        includeFiles: ["./suite:/opt/suite", "bc"]
      })
      const plan = yield* compile((ctx) =>
        executeDefs(ctx, [def("a").payload(suite).payload(fio), def("b").payload(suite)])
      )
      expect(plan.includes).toEqual(["./suite:/opt/suite", "bc", "fio"])
      expect(brief(plan.commands)[0]).toBe("run 1 /opt/suite/run in a")
    })
  )

  it.effect("that are frozen are let run, so that they can see that they are to end", () =>
    Effect.gen(function* () {
      const plan = yield* compile((ctx) =>
        executeSteps(ctx, [
          Step.new(
            [Op.AddCgroup("a/b"), Op.RunPayload(fio, { cgroup: "a/b" }), Op.FreezeCgroup("a")],
            HoldSpec.Fixed("1 seconds")
          )
        ])
      )
      expect(brief(plan.commands)).toEqual([
        "run 1 fio in a/b",
        "cgroup.freeze 1",
        "Hold",
        "cgroup.freeze 0",
        "signal 15 1 5s"
      ])
    })
  )

  it.effect("of a loop are started anew every round", () =>
    Effect.gen(function* () {
      const plan = yield* compile(
        (ctx) =>
          executeSteps(ctx, [Step.new([Op.RunPayload(fio), Op.WaitPayload("fio")], HoldSpec.Loop("500 millis"))]),
        { durationMs: 1500 }
      )
      const round = (id: number) => ["LoopBegin", `run ${id} fio in /`, `wait ${id} 60s`, "LoopEnd"]
      expect(brief(plan.commands)).toEqual([...round(1), ...round(2), ...round(3)])
    })
  )

  for (const [what, ops, message] of [
    [
      "run twice at once",
      [Op.RunPayload(fio), Op.RunPayload(fio)],
      "payload 'fio' runs in the root cgroup already; wait for it or kill it first, or give one another name"
    ],
    [
      "a wait for one never started",
      [Op.RunPayload(fio), Op.WaitPayload("fip")],
      "WaitPayload: no payload 'fip' was started before; did you mean 'fio'?"
    ],
    [
      "a kill in another cgroup",
      [Op.AddCgroup("a"), Op.RunPayload(fio, { cgroup: "a" }), Op.KillPayload("fio", { cgroup: "b" })],
      "KillPayload: payload 'fio' was started in cgroup 'a', not in cgroup 'b'"
    ],
    [
      "a name that says too little",
      [Op.AddCgroup("a"), Op.RunPayload(fio, { cgroup: "a" }), Op.RunPayload(fio), Op.WaitPayload("fio")],
      "WaitPayload: payload 'fio' was started in cgroup 'a', the root cgroup; name the cgroup"
    ],
    [
      "a wait of no length",
      [Op.RunPayload(fio), Op.WaitPayload("fio", { timeout: 0 })],
      "WaitPayload: the timeout is 0 ms; it must be longer than 0 and finite"
    ],
    [
      "a signal that is none",
      [Op.RunPayload(fio), Op.KillPayload("fio", { signal: 99 })],
      "KillPayload: the signal is 99; it must be a whole number from 1 to 64"
    ],
    [
      "a cgroup that can't be",
      [Op.RunPayload(fio, { cgroup: "a//b" })],
      "cgroup name 'a//b': it has an empty part; write a name such as cg_0, or a/b for a nested one"
    ],
    [
      "no program",
      [Op.RunPayload(payload("x", { binary: "" }))],
      "payload 'x': binary is empty; name a program or its path"
    ],
    [
      "a relative place in the guest",
      [Op.RunPayload(payload("x", { binary: { guest: "bin/x" } }))],
      "payload 'x': binary: guest path 'bin/x' is not absolute"
    ],
    [
      "a check that nothing passes",
      [Op.RunPayload(fio, { checks: [PayloadCheck.range("iops", 3, 2)] })],
      "payload 'fio': range('iops', 3, 2): the least is greater than the greatest"
    ],
    [
      "a status that is none",
      [Op.RunPayload(fio, { checks: [PayloadCheck.exitCode(256)] })],
      "payload 'fio': exitCode(256): a status is a whole number from 0 to 255"
    ]
  ] as const) {
    it.effect(`refuse ${what}`, () =>
      Effect.gen(function* () {
        const result = yield* Effect.either(
          compile((ctx) => executeSteps(ctx, [Step.new(ops, HoldSpec.Fixed("1 seconds"))]))
        )
        expect(Either.isLeft(result) ? result.left.message : "compiled").toBe(message)
      })
    )
  }
})

describe("PayloadCheck", () => {
  it("of a run replaces the payload's own of the same kind for the same metric", () => {
    const base = payload("x", {
      defaultChecks: [PayloadCheck.min("iops", 5), PayloadCheck.max("iops", 9), PayloadCheck.exitCode(0)]
    })
    const { checks } = Payload.spec(base, { checks: [PayloadCheck.min("iops", 7), PayloadCheck.exitCode(3)] })
    expect(checks).toEqual([PayloadCheck.min("iops", 7), PayloadCheck.max("iops", 9), PayloadCheck.exitCode(3)])
  })
})
