import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Either, Fiber, Stream } from "effect"
import { AgentEvent } from "../../src/protocol/AgentEvent.ts"
import { Command, decodeCommand } from "../../src/protocol/Command.ts"
import { makeFrameDecoder } from "../../src/protocol/Frame.ts"
import type { ProcessExitKind } from "../../src/protocol/Telemetry.ts"
import { inputWindow, outputWindow, runProcess } from "../../src/session/GuestProcess.ts"
import { makeLiveGuest } from "../../src/session/LiveGuest.ts"
import { makeMemoryVm } from "./memoryVm.ts"

const ready = AgentEvent.Ready({
  version: 2,
  transport: "serial",
  release: "7.3.4",
  kernelVersion: "#1 SMP",
  timeNs: 5,
  topology: { cpus: [], nodes: [] },
  symbols: [],
  notes: ""
})

/** A live guest that notes the commands it gets, and grants each. */
const makeGuest = Effect.gen(function* () {
  const memory = yield* makeMemoryVm
  const decoder = makeFrameDecoder()
  const commands: Array<Command> = []
  const vm = {
    ...memory.vm,
    channel: {
      ...memory.vm.channel,
      send: (bytes: Uint8Array) =>
        Effect.forEach(
          decoder.push(bytes).frames,
          (frame) => {
            commands.push(Either.getOrThrow(decodeCommand(frame)))
            return memory.tell(
              AgentEvent.Reply({ timeNs: 1, waitedNs: 0, command: frame.seq, ok: true, errno: 0, message: "" })
            )
          },
          { discard: true }
        )
    }
  }
  yield* memory.tell(ready)
  const guest = yield* makeLiveGuest(vm, { ring: undefined, bootTimeoutMs: 1000 })
  return { ...memory, guest, commands }
})

/** Lets every fiber do what it can. */
const settle = Effect.repeatN(Effect.yieldNow(), 200)

const exit = (kind: ProcessExitKind, value: number, message = "") =>
  AgentEvent.ProcExit({ id: 1, kind, value, durationNs: 1, dropped: 0, stopped: false, message })
const said = (text: string, stream: "stdout" | "stderr" = "stdout") =>
  AgentEvent.ProcOutput({ id: 1, stream, bytes: new TextEncoder().encode(text) })

describe("runProcess", () => {
  it.scoped("hands over the output of both streams in order, then the end", () =>
    Effect.gen(function* () {
      const { commands, guest, tell } = yield* makeGuest
      const process = yield* runProcess(guest, { argv: ["ls"], environment: { A: "b" } })
      expect(commands).toEqual([
        Command.ProcRun({
          id: 1,
          cgroup: "",
          argv: ["ls"],
          environment: [{ name: "A", value: "b" }],
          directory: "",
          terminal: undefined,
          input: false,
          deadlineNs: 0,
          credit: outputWindow,
          paced: true
        })
      ])
      yield* tell(said("one"))
      yield* tell(said("two", "stderr"))
      yield* tell(AgentEvent.ProcOutput({ id: 9, stream: "stdout", bytes: Uint8Array.of(1) }))
      yield* tell(exit("exited", 3))
      const output = Chunk.toReadonlyArray(yield* Stream.runCollect(process.output))
      expect(output.map(({ bytes, stream }) => [stream, new TextDecoder().decode(bytes)])).toEqual([
        ["out", "one"],
        ["err", "two"]
      ])
      expect(yield* process.end).toEqual({ _tag: "Exited", code: 3 })
    })
  )

  it.scoped("gives credit as output is read, and only then", () =>
    Effect.gen(function* () {
      const { commands, guest, tell } = yield* makeGuest
      const process = yield* runProcess(guest, { argv: ["yes"] })
      const part = new Uint8Array(32 * 1024)
      for (let sent = 0; sent < outputWindow; sent += part.length) {
        yield* tell(AgentEvent.ProcOutput({ id: 1, stream: "stdout", bytes: part }))
      }
      yield* settle
      expect(commands).toHaveLength(1)
      yield* tell(exit("signaled", 15))
      yield* Stream.runDrain(process.output)
      const credits = commands.flatMap((command) => (command._tag === "ProcCredit" ? [command.bytes] : []))
      expect(credits.reduce((sum, bytes) => sum + bytes, 0)).toBe(outputWindow)
      expect(yield* process.end).toEqual({ _tag: "Signaled", signal: 15 })
    })
  )

  it.scoped("keeps no more input on its way than the window", () =>
    Effect.gen(function* () {
      const { commands, guest, tell } = yield* makeGuest
      const process = yield* runProcess(guest, { argv: ["cat"], input: true })
      const input = Uint8Array.from({ length: 3 * inputWindow }, (_, i) => i % 251)
      const writing = yield* Effect.fork(process.write(input))
      const given = () => commands.flatMap((command) => (command._tag === "ProcInput" ? [...command.bytes] : []))
      yield* settle
      expect(given()).toHaveLength(inputWindow)
      yield* tell(AgentEvent.ProcTaken({ id: 1, bytes: 5000 }))
      yield* settle
      expect(given().length).toBe(inputWindow + 4096)
      yield* tell(AgentEvent.ProcTaken({ id: 1, bytes: 2 * inputWindow - 5000 }))
      yield* Fiber.join(writing)
      expect(given()).toEqual([...input])
      yield* process.endInput
      expect(commands.at(-1)).toEqual(Command.ProcInput({ id: 1, bytes: new Uint8Array() }))
    })
  )

  it.scoped("fails with what became of a guest that dies under it", () =>
    Effect.gen(function* () {
      const { end, guest, tell } = yield* makeGuest
      const process = yield* runProcess(guest, { argv: ["crash"] })
      yield* tell(said("last words"))
      yield* end({ _tag: "Panic", message: "sysrq triggered crash" })
      const lost = yield* Effect.flip(process.end)
      expect(lost.message).toBe("the guest kernel panicked: sysrq triggered crash (stage: agent ready)")
      expect((yield* Effect.flip(process.write(Uint8Array.of(1))))._tag).toBe("GuestLost")
      const heard: Array<string> = []
      const outcome = yield* Effect.flip(
        Stream.runForEach(process.output, ({ bytes }) => Effect.sync(() => heard.push(new TextDecoder().decode(bytes))))
      )
      expect(heard).toEqual(["last words"])
      expect(outcome._tag).toBe("GuestLost")
    })
  )

  it.scoped("tells that a program could not be run", () =>
    Effect.gen(function* () {
      const { guest, tell } = yield* makeGuest
      const process = yield* runProcess(guest, { argv: ["x"] })
      yield* tell(exit("not run", 2, "No such file or directory: x"))
      expect(yield* process.end).toEqual({ _tag: "NotRun", errno: 2, message: "No such file or directory: x" })
    })
  )

  it.effect("kills a process whose scope closes", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { commands, guest } = yield* makeGuest
        yield* Effect.scoped(runProcess(guest, { argv: ["sleep", "100"] }))
        yield* settle
        expect(commands.at(-1)).toEqual(Command.ProcKill({ id: 1, signal: 9 }))
      })
    )
  )
})
