import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { cleanUp, type LeftoverPlace } from "../src/host/Leftovers.ts"
import { currentProcess, type ProcessMark, temporaryPrefix } from "../src/host/ProcessMark.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "test-leftovers-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
const self = Effect.map(currentProcess, Option.getOrThrow)
/** Of a process that had this one's number before. */
const before = (me: ProcessMark): ProcessMark => ({ ...me, startTime: me.startTime - 1 })

const base = ({ path }: { readonly path: string }): string => path.split("/").at(-1)!

describe("cleanUp", () => {
  it.scoped("removes what is of the dead, and nothing else", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const me = yield* self
      const dead = `${temporaryPrefix(before(me))}dead`
      const tree = `${temporaryPrefix(before(me))}tree`
      const mine = `${temporaryPrefix(me)}mine`
      const foreign = `${temporaryPrefix({ ...me, pidNamespace: 1 })}foreign`
      const others = ["ktstr-1-old", "ktstr-fetch-x", "unrelated", ".tmp-x"]
      for (const name of [dead, mine, foreign, ...others]) writeFileSync(join(root, name), "x")
      mkdirSync(join(root, tree, "deep"), { recursive: true })
      writeFileSync(join(root, tree, "deep/file"), "x")
      const places: ReadonlyArray<LeftoverPlace> = [{ directory: root, kind: "temporary" }]

      const dry = yield* cleanUp(places, { dryRun: true })
      expect(dry.removed.map(base).sort()).toEqual([dead, tree].sort())
      expect(readdirSync(root).length).toBe(8)

      const report = yield* cleanUp(places)
      expect(report.removed).toEqual(dry.removed)
      expect(report.removed.every(({ pid, owner }) => pid === me.pid && owner === "dead")).toBe(true)
      expect(report.kept.map(base).sort()).toEqual([mine, foreign].sort())
      expect(report.failed).toEqual([])
      expect(readdirSync(root).sort()).toEqual([mine, foreign, ...others].sort())

      const again = yield* cleanUp(places)
      expect([again.removed, again.kept.length]).toEqual([[], 2])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("an earlier boot's files are dead, but in a cache, which may be another machine's as well", () =>
    Effect.gen(function* () {
      const root = yield* directory
      const name = `${temporaryPrefix({ ...(yield* self), bootId: "00000000" }, ".tmp")}x`
      writeFileSync(join(root, name), "x")
      const cache = yield* cleanUp([{ directory: root, kind: "cache" }])
      expect([cache.removed.length, cache.kept.map(base)]).toEqual([0, [name]])
      const aged = `${temporaryPrefix({ ...(yield* self), bootId: "00000000" }, ".tmp")}aged`
      writeFileSync(join(root, aged), "x")
      const lastWeek = new Date(Date.now() - 7 * 86_400_000)
      utimesSync(join(root, aged), lastWeek, lastWeek)
      expect((yield* cleanUp([{ directory: root, kind: "cache" }])).removed.map(base)).toEqual([aged])
      const temporary = yield* cleanUp([{ directory: root, kind: "temporary" }])
      expect([temporary.removed.map(base), existsSync(join(root, name))]).toEqual([[name], false])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("a directory that is not there has nothing", () =>
    Effect.gen(function* () {
      const nothing = yield* cleanUp([{ directory: join(yield* directory, "absent"), kind: "temporary" }])
      expect(nothing).toEqual({ removed: [], kept: [], failed: [] })
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
