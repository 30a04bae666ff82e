import { Effect } from "effect"
import { cgroupNameProblem } from "../plan/index.ts"
import { Command } from "../protocol/index.ts"
import {
  allControllers,
  type CgroupController,
  type CgroupDef,
  CgroupError,
  type CgroupManager
} from "../scenario/index.ts"
import type { CommandRefused } from "../session/index.ts"
import { CpuSet, CpusetSpec } from "../topology/index.ts"
import type { LiveLedger } from "./ledger.ts"

const noInput = "\n"

/** Implements {@link CgroupManager} over an agent that takes commands. */
export const makeLiveCgroups = (ledger: LiveLedger): CgroupManager["Type"] => {
  const { state } = ledger
  const named = (cgroup: string) => (error: CommandRefused) =>
    new CgroupError({ errno: error.errno, cgroup, message: error.message, cause: error })
  const obey = (cgroup: string, command: Command) => Effect.mapError(ledger.obey(command), named(cgroup))

  const write = (cgroup: string, file: string, value: string) =>
    Effect.map(obey(cgroup, Command.CgroupWrite({ path: cgroup, file, value })), () => {
      if (file === "cgroup.freeze") state.setFrozen(cgroup, value.trim() === "1")
      if (file !== "cpuset.cpus") return
      state.setCpuset(cgroup, value.trim() === "" ? undefined : CpuSet.parseLenient(value))
      ledger.recordCpus()
    })

  const create = Effect.fn("CgroupManager.create")(function* (
    cgroup: string,
    controllers: ReadonlyArray<CgroupController> = allControllers
  ) {
    const wrong = cgroupNameProblem(cgroup)
    if (wrong !== undefined) return yield* new CgroupError({ errno: 0, cgroup, message: wrong })
    yield* ledger.mark("AddCgroup", cgroup)
    yield* obey(cgroup, Command.CgroupCreate({ path: cgroup, controllers }))
    state.create(cgroup)
  })

  const setCpuset = Effect.fn("CgroupManager.setCpuset")(function* (cgroup: string, spec: CpusetSpec) {
    const cpus = yield* CpusetSpec.resolve(spec, ledger.ctx.topo, cgroup)
    yield* ledger.mark("SetCpuset", `${cgroup} ${spec._tag} ${cpus}`)
    yield* write(cgroup, "cpuset.cpus", cpus.toString())
  })

  return {
    create,
    setCpuset,
    setupCgroups: Effect.fn("CgroupManager.setupCgroups")(function* (defs: ReadonlyArray<CgroupDef>) {
      for (const def of defs) {
        yield* create(def.name, def.controllers)
        if (def.cpuset !== undefined) yield* setCpuset(def.name, def.cpuset)
      }
    }),
    remove: Effect.fn("CgroupManager.remove")(function* (cgroup: string) {
      yield* ledger.mark("RemoveCgroup", cgroup)
      yield* obey(cgroup, Command.CgroupRemove({ path: cgroup }))
      state.remove(cgroup)
      for (const { live } of ledger.groups) {
        if (live.cgroup === cgroup || live.cgroup.startsWith(`${cgroup}/`)) live.cgroup = ""
      }
      ledger.recordCpus()
    }),
    clearCpuset: Effect.fn("CgroupManager.clearCpuset")(function* (cgroup: string) {
      yield* ledger.mark("ClearCpuset", cgroup)
      yield* write(cgroup, "cpuset.cpus", noInput)
    }),
    write: Effect.fn("CgroupManager.write")(function* (cgroup: string, file: string, value: string) {
      yield* ledger.mark("Write", `${cgroup} ${file} ${value}`)
      yield* write(cgroup, file, value)
    }),
    read: Effect.fn("CgroupManager.read")((cgroup: string, file: string) =>
      Effect.mapError(
        ledger.ask(Command.CgroupRead({ path: cgroup, file }), (event) =>
          event._tag === "CgroupFile" && event.path === cgroup && event.file === file ? event.text : undefined
        ),
        named(cgroup)
      )
    ),
    moveTasks: Effect.fn("CgroupManager.moveTasks")(function* (from: string, to: string) {
      yield* ledger.mark("MoveAllTasks", `${from} ${to === "" ? "/" : to}`)
      yield* obey(from, Command.CgroupMoveAll({ from, to }))
      for (const { live } of ledger.running(from)) live.cgroup = to
      ledger.recordCpus()
    })
  }
}
