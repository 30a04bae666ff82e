import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { HostMachine } from "@ktstr/core/machine"
import { Effect, Layer } from "effect"
import { layerAgentBinary, layerHostMachine, removeCgroups } from "../lib/index.ts"

const scratch = mkdtempSync(join(tmpdir(), "ktstr-host-test-"))
afterAll(() => rmSync(scratch, { recursive: true }))

const layer = Layer.provide(layerHostMachine, layerAgentBinary).pipe(Layer.provideMerge(NodeContext.layer))

describe("HostMachine", () => {
  it.effect("fails with the agent's reason where no cgroup can be made, and leaves nothing", () =>
    Effect.gen(function* () {
      const machine = yield* HostMachine
      const start = (cgroupMount: string) => {
        const spec = { plan: new Uint8Array(), deadlineMs: 10_000, cgroupMount }
        return Effect.flip(Effect.scoped(machine.start(spec)))
      }
      expect(yield* start(join(scratch, "nonesuch"))).toMatchObject({
        _tag: "HostError",
        reason: "AgentFailed",
        message: expect.stringMatching(/^the agent on this host ended with 69: .*nonesuch: No such file or directory$/)
      })
      // The directory is not a cgroup2: nothing may be created or removed in it.
      const plain = join(scratch, "plain")
      mkdirSync(plain)
      expect(yield* start(plain)).toMatchObject({
        message: expect.stringContaining("plain is not a cgroup2 mount: Invalid argument")
      })
      expect(readdirSync(plain)).toEqual([])
    }).pipe(Effect.provide(layer))
  )
})

describe("removeCgroups", () => {
  it.effect("removes directories depth first, and takes what is gone for done", () =>
    Effect.gen(function* () {
      const root = join(scratch, "ktstr-1")
      mkdirSync(join(root, "a/b"), { recursive: true })
      mkdirSync(join(root, "c"))
      yield* removeCgroups(root)
      expect(readdirSync(scratch)).not.toContain("ktstr-1")
      yield* removeCgroups(root)
    })
  )

  it.effect("gives up with the kernel's reason", () =>
    Effect.gen(function* () {
      const root = join(scratch, "ktstr-2")
      mkdirSync(root)
      // A cgroup can be removed despite its own files; this file prevents that.
      writeFileSync(join(root, "file"), "")
      const error = yield* Effect.flip(removeCgroups(root, 200))
      expect(error.message).toMatch(/^ENOTEMPTY/)
    })
  )
})
