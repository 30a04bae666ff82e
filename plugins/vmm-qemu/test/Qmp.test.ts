import { spawn } from "node:child_process"
import { type Duplex, PassThrough } from "node:stream"
import { expect, it } from "@effect/vitest"
import { makeQmp, type QmpEvent } from "@ktstr/vmm-qemu"
import { Effect } from "effect"
import { describe } from "vitest"

/** A qemu without a machine, which answers at once. */
const qemu = Effect.acquireRelease(
  Effect.sync(() =>
    spawn(
      "qemu-system-x86_64",
      [
        "-machine",
        "none",
        "-nodefaults",
        "-display",
        "none",
        "-chardev",
        "socket,id=q,fd=3",
        "-mon",
        "chardev=q,mode=control"
      ],
      { stdio: ["ignore", "ignore", "inherit", "pipe"] }
    )
  ),
  (child) =>
    Effect.async<void>((resume) => {
      if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
      child.once("exit", () => resume(Effect.void))
      child.kill("SIGKILL")
    })
)

describe("makeQmp", () => {
  it.scopedLive("negotiates, runs commands, passes events on, and fails commands after the end", () =>
    Effect.gen(function* () {
      const child = yield* qemu
      const events: Array<QmpEvent> = []
      const qmp = yield* makeQmp(child.stdio[3] as Duplex, (event) => events.push(event))
      expect(qmp.version).toMatch(/^\d+\.\d+\.\d+$/)
      const [status, name] = yield* Effect.all([qmp.execute("query-status"), qmp.execute("query-name")], {
        concurrency: 2
      })
      expect(status).toMatchObject({ status: "running", running: true })
      expect(name).toEqual({})
      yield* qmp.execute("stop")
      expect(yield* qmp.execute("query-status")).toMatchObject({ status: "paused" })
      yield* qmp.execute("cont")
      expect(events.map((event) => event.event)).toEqual(["STOP", "RESUME"])
      const refused = yield* Effect.flip(qmp.execute("no-such-command", { at: 1 }))
      expect(refused.kind).toBe("CommandNotFound")
      expect(refused.message).toContain("no-such-command")
      yield* qmp.execute("quit")
      yield* Effect.promise(() => new Promise((resolve) => child.once("close", resolve)))
      expect(events.at(-1)).toEqual({ event: "SHUTDOWN", data: { guest: false, reason: "host-qmp-quit" } })
      expect((yield* Effect.flip(qmp.execute("query-status"))).kind).toBe("Closed")
    })
  )

  it.live("refuses what is no QMP", () =>
    Effect.gen(function* () {
      const stream = new PassThrough()
      stream.end("HTTP/1.1 400 Bad Request\n")
      const error = yield* Effect.flip(makeQmp(stream, () => {}))
      expect(error.kind).toBe("Malformed")
      expect(error.message).toContain("HTTP/1.1 400")
    })
  )
})
