import { execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { currentProcess, type ProcessMark, parseProcessStat, temporaryPrefix } from "@ktstr/core/host"
import { AgentBinary } from "@ktstr/core/machine"
import { Effect, Layer, Option } from "effect"
import { cleanUpHostRuns, layerAgentBinary, removeCgroups } from "../lib/index.ts"

/** A mounted cgroup2 in which this process may create folders; otherwise a plain directory, for the tests that need no processes. */
const place = (() => {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n")
  const points = mounts.filter((line) => line.includes(" - cgroup2 ")).map((line) => line.split(" ")[4] ?? "")
  return points.find((point) => {
    try {
      accessSync(point, constants.W_OK)
      return true
    } catch {
      return false
    }
  })
})()
const real = place !== undefined
const mount = mkdtempSync(join(place ?? tmpdir(), "test-ktstr-cgroups-"))
afterAll(() => Effect.runPromise(removeCgroups(mount)))

const layer = Layer.merge(layerAgentBinary, NodeContext.layer)
const self = Effect.map(currentProcess, Option.getOrThrow)
/** An earlier process with this one's number. */
const dead = (me: ProcessMark): ProcessMark => ({ ...me, startTime: me.startTime - 1 })

const mark = (path: string, owner: ProcessMark | string) => {
  const text = typeof owner === "string" ? owner : temporaryPrefix(owner)
  execFileSync("python3", [
    "-c",
    "import os, sys; os.setxattr(sys.argv[1], 'user.ktstr', sys.argv[2].encode())",
    path,
    text
  ])
}

const make = (name: string): string => {
  const path = join(mount, name)
  mkdirSync(path)
  return path
}

/** Starts a process in a cgroup; does nothing if the host has no cgroups. */
const inhabit = (path: string) => {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" })
  if (real) writeFileSync(join(path, "cgroup.procs"), String(child.pid))
  const runs = () => parseProcessStat(readFileSync(`/proc/${child.pid}/stat`, "utf8"))?.state !== "Z"
  const ended = once(child, "exit")
  const end = () => {
    child.kill("SIGKILL")
    return ended
  }
  return { runs, ended, end }
}

const folders = () =>
  readdirSync(mount, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()

describe("cleanUpHostRuns", () => {
  it.live("removes cgroups with the mark of a dead agent, and nothing because of its name", () =>
    Effect.gen(function* () {
      const me = yield* self
      const foreign = inhabit(make("ktstr-123"))
      mark(make("ktstr-4"), "ktstr-4")
      mark(make("ktstr-5"), `x${temporaryPrefix(dead(me))}`)
      const odd = inhabit(make("ktstr-123-1-1-deadbeef-"))
      mark(make("ktstr-6"), { ...dead(me), pidNamespace: 1 })
      const living = make(`ktstr-${me.pid}`)
      mark(living, me)
      const left = make("ktstr-7")
      mkdirSync(join(left, "cg_0"))
      const worker = inhabit(join(left, "cg_0"))
      mark(left, dead(me))

      const dry = yield* cleanUpHostRuns({ mount, dryRun: true })
      expect(dry.removed.map(({ path }) => path)).toEqual([left])
      expect(folders()).toContain("ktstr-7")
      const report = yield* cleanUpHostRuns({ mount })
      expect(report.failed).toEqual([])
      expect(report.removed).toEqual([{ path: left, pid: me.pid, alive: false }])
      expect(report.kept.map(({ path }) => path).sort()).toEqual([living, join(mount, "ktstr-6")].sort())
      expect(folders()).toEqual(
        ["ktstr-123", "ktstr-123-1-1-deadbeef-", "ktstr-4", "ktstr-5", "ktstr-6", `ktstr-${me.pid}`].sort()
      )
      expect([foreign.runs(), odd.runs()]).toEqual([true, true])
      // The cgroup's end kills the process.
      if (real) yield* Effect.promise(() => worker.ended)
      yield* Effect.promise(() => Promise.all([foreign.end(), odd.end(), worker.end()]))
      for (const name of folders()) rmdirSync(join(mount, name))
    }).pipe(Effect.provide(layer))
  )
})

describe("the agent on a host", () => {
  it.live("does not begin in a cgroup that somebody else made under its name, and leaves it alone", () =>
    Effect.gen(function* () {
      const agent = yield* Effect.flatMap(AgentBinary, ({ path }) => path)
      const script = `mkdir ${mount}/ktstr-$$ && { ${real ? `sleep 1000 >&- 2>&- & echo $! > ${mount}/ktstr-$$/cgroup.procs; echo $!;` : ""} exec ${agent} --host ${mount} ktstr.mode=live 3<>/dev/null; }`
      const { status, stderr, stdout } = spawnSync("sh", ["-c", script], { encoding: "utf8" })
      expect([status, stderr]).toEqual([
        69,
        expect.stringMatching(
          /ktstr-\d+ was not made by ktstr and has the name that this run needs; try again: File exists\n$/
        )
      ])
      expect(folders()).toEqual([expect.stringMatching(/^ktstr-\d+$/)])
      if (real) {
        const pid = Number(stdout)
        expect(parseProcessStat(readFileSync(`/proc/${pid}/stat`, "utf8"))?.state).toBe("S")
        process.kill(pid, "SIGKILL")
      }
      yield* removeCgroups(join(mount, folders()[0]!))
    }).pipe(Effect.provide(layer))
  )
})
