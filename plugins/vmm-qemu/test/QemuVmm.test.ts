import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "@effect/vitest"
import { Topology } from "@ktstr/core"
import { KvmProbe, KvmVerdict, Vmm, type VmSpec } from "@ktstr/core/machine"
import { layerQemu, type QemuOptions } from "@ktstr/vmm-qemu"
import { Cause, Chunk, Deferred, Effect, Exit, Fiber, Layer, Option, Schedule, Scope, Stream } from "effect"
import { build } from "esbuild"
import { afterAll, afterEach, beforeAll, describe } from "vitest"
import { type Ending, mark, markAddress, writeTinyGuest } from "../../../core/test/vmm/tinyGuest.ts"
import { isAlive, machinesOf, namedFilesOf, traces } from "./traces.ts"

let directory: string
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "ktstr-qemu-test-"))
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))
afterEach(() => expect(traces()).toEqual([]))

const layer = (options: QemuOptions = {}, verdict: KvmVerdict["verdict"] = "wrong"): Layer.Layer<Vmm> =>
  Layer.provide(
    layerQemu({ accel: "tcg", ...options }),
    Layer.succeed(KvmProbe, { verdict: Effect.succeed(KvmVerdict.make({ verdict, reason: "as the test says" })) })
  )

const specOf = (kernel: string, more: Partial<VmSpec> = {}): VmSpec => ({
  kernel: { image: kernel, vmlinux: kernel },
  initramfs: [],
  cmdline: [],
  topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 }),
  memoryMb: 64,
  clock: "auto",
  ...more
})

const guest = (ending: Ending, text = "hello\n", more: Partial<VmSpec> = {}): VmSpec => {
  const kernel = path.join(directory, `${ending}-${text.length}.elf`)
  writeTinyGuest(kernel, ending, text)
  return specOf(kernel, more)
}

const boot = (spec: VmSpec) => Effect.flatMap(Vmm, (vmm) => vmm.boot(spec))
const quit = new TextEncoder().encode("Q")
const seconds = 20_000

describe("a machine", () => {
  it.scopedLive(
    "echoes on the channel, shows its memory, and powers off",
    () =>
      Effect.gen(function* () {
        const vm = yield* boot(guest("poweroff", "one\r\ntwo\nthree"))
        expect([vm.backend, vm.clock, vm.memory.size]).toEqual(["qemu", "emulated", 64 * 1024 * 1024])
        const echoed = yield* Effect.fork(Stream.runCollect(vm.channel.incoming))
        yield* vm.channel.send(new TextEncoder().encode("ab"))
        yield* vm.channel.send(quit)
        expect(yield* Deferred.await(vm.exit)).toEqual({ _tag: "PowerOff" })
        expect(Buffer.concat(Chunk.toArray(yield* Fiber.join(echoed))).toString()).toBe("abQ")
        // The firmware may print before; the guest's lines come last, and both readers see all.
        for (const _ of [1, 2]) {
          const lines = Chunk.toArray(yield* Stream.runCollect(vm.console))
          expect(lines.slice(-3)).toEqual(["one", "two", "three"])
        }
        expect(vm.consoleTail(2)).toEqual(["two", "three"])
        // Readable still, after the end.
        const bytes = vm.memory.read(markAddress, 4)
        expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(mark)
        const stats = yield* vm.stats
        expect(stats.peakResidentBytes).toBeGreaterThan(10 * 1024 * 1024)
        expect((yield* Effect.flip(vm.channel.send(quit))).reason).toBe("ChannelLost")
      }).pipe(Effect.provide(layer())),
    seconds
  )

  it.scopedLive(
    "can be paused and resumed, and its memory written meanwhile",
    () =>
      Effect.gen(function* () {
        const vm = yield* boot(guest("poweroff"))
        yield* Stream.runHead(Stream.filter(vm.console, (line) => line === "hello"))
        yield* vm.pause
        yield* vm.channel.send(new TextEncoder().encode("x"))
        const early = yield* Stream.runHead(vm.channel.incoming).pipe(Effect.timeoutOption("100 millis"))
        expect(Option.isNone(early)).toBe(true)
        vm.memory.write(markAddress, Uint8Array.of(1, 2, 3))
        expect([...vm.memory.read(markAddress, 4)]).toEqual([1, 2, 3, 0xfe])
        yield* vm.resume
        expect(yield* Stream.runHead(vm.channel.incoming)).toEqual(Option.some(Buffer.from("x")))
        yield* vm.channel.send(quit)
        expect((yield* Deferred.await(vm.exit))._tag).toBe("PowerOff")
      }).pipe(Effect.provide(layer())),
    seconds
  )

  const ends: ReadonlyArray<readonly [string, Ending, string, string]> = [
    ["an orderly restart", "reset", "[    1.0] reboot: Restarting system\n", "Reset"],
    ["a panic", "reset", "[    1.0] Kernel panic - not syncing: sysrq triggered crash\n", "Panic"],
    ["a reset out of the blue", "tripleFault", "[    1.0] fine\n", "TripleFault"]
  ]
  it.effect.each(ends)(
    "tells %s",
    ([, ending, text, tag]) =>
      Effect.gen(function* () {
        const vm = yield* boot(guest(ending, text))
        yield* vm.channel.send(quit)
        const exit = yield* Deferred.await(vm.exit)
        expect(exit._tag).toBe(tag)
        if (exit._tag === "Panic") expect(exit.message).toBe("sysrq triggered crash")
        if (exit._tag === "TripleFault") expect(exit.registers).toMatch(/CPU#0[\s\S]*EIP=/)
      }).pipe(Effect.scoped, Effect.provide(layer())),
    seconds
  )

  it.live(
    "counts instructions when it is to be deterministic, and takes nothing from the host",
    () =>
      Effect.gen(function* () {
        const vm = yield* boot(guest("poweroff", "hello\n", { clock: "deterministic" }))
        expect(vm.clock).toBe("deterministic")
        const hello = vm.console.pipe(
          Stream.filter((line) => line.includes("hello")),
          Stream.runHead
        )
        expect(Option.getOrThrow(yield* hello)).toBe("hello")
        const refused = yield* Effect.flip(vm.channel.send(quit))
        expect(refused.message).toContain("a deterministic machine takes no input from its host")
      }).pipe(Effect.scoped, Effect.provide(layer({ accel: "auto" }, "usable"))),
    seconds
  )

  it.scopedLive("has no deterministic clock under KVM", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(boot(guest("poweroff", "hello\n", { clock: "deterministic" })))
      expect(refused).toMatchObject({ reason: "BadSpec" })
      expect(refused.message).toContain("use --vmm qemu-tcg")
    }).pipe(Effect.provide(layer({ accel: "kvm" }, "usable")))
  )
})

describe("every way out leaves nothing", () => {
  it.live(
    "the scope closes while the guest runs",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const vm = yield* Scope.extend(boot(guest("hang")), scope)
        const lines = yield* Effect.fork(Stream.runCollect(vm.console))
        expect(machinesOf(process.pid)).toHaveLength(1)
        expect(namedFilesOf(process.pid)).toEqual([])
        yield* Scope.close(scope, Exit.void)
        expect(yield* Deferred.await(vm.exit)).toEqual({ _tag: "Killed" })
        yield* Fiber.join(lines)
        expect(traces()).toEqual([])
      }).pipe(Effect.provide(layer())),
    seconds
  )

  it.live(
    "an interruption at any moment of the boot",
    () =>
      Effect.gen(function* () {
        for (const ms of [0, 1, 5, 15, 30, 60, 120, 200]) {
          const fiber = yield* Effect.fork(Effect.scoped(Effect.zipRight(boot(guest("hang")), Effect.never)))
          yield* Effect.sleep(ms)
          const exit = yield* Fiber.interrupt(fiber)
          expect(Exit.isInterrupted(exit)).toBe(true)
          expect(traces()).toEqual([])
        }
      }).pipe(Effect.provide(layer())),
    seconds
  )

  it.live(
    "a defect, with a channel that nobody reads",
    () =>
      Effect.gen(function* () {
        const exit = yield* boot(guest("hang")).pipe(
          Effect.flatMap((vm) => vm.channel.send(new Uint8Array(100))),
          Effect.zipRight(Effect.die("broken")),
          Effect.scoped,
          Effect.exit
        )
        expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
        expect(traces()).toEqual([])
      }).pipe(Effect.provide(layer())),
    seconds
  )

  it.live(
    "qemu killed from outside",
    () =>
      Effect.gen(function* () {
        const vm = yield* boot(guest("hang"))
        for (const pid of machinesOf(process.pid)) process.kill(pid, "SIGKILL")
        expect(yield* Deferred.await(vm.exit)).toEqual({ _tag: "Killed" })
        yield* Stream.runDrain(vm.channel.incoming)
        expect((yield* Effect.flip(vm.pause)).reason).toBe("Io")
      }).pipe(Effect.scoped, Effect.provide(layer())),
    seconds
  )

  it.live(
    "this very process killed",
    () =>
      Effect.gen(function* () {
        const { kernel } = guest("hang")
        const script = path.join(directory, "hold.mjs")
        const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
        yield* Effect.promise(() =>
          build({
            entryPoints: [at("hold.ts")],
            outfile: script,
            bundle: true,
            platform: "node",
            format: "esm",
            logLevel: "error",
            conditions: ["@ktstr/source"]
          })
        )
        const host = spawn(process.execPath, [script, kernel.image], { stdio: ["ignore", "pipe", "inherit"] })
        yield* Effect.promise(async () => {
          let said = ""
          for await (const bytes of host.stdout) {
            said += bytes
            if (said.includes("running\n")) return
          }
        })
        const machines = machinesOf(host.pid!)
        expect(machines).toHaveLength(1)
        host.kill("SIGKILL")
        yield* Effect.promise(() => new Promise((resolve) => host.once("exit", resolve)))
        const gone = Effect.suspend(() => (machines.some(isAlive) ? Effect.fail("alive") : Effect.void))
        yield* Effect.retry(gone, Schedule.spaced("20 millis")).pipe(Effect.timeout("5 seconds"))
        expect(machines.filter(isAlive)).toEqual([])
        expect(namedFilesOf(host.pid!)).toEqual([])
      }),
    seconds
  )
})

describe("what can't be booted", () => {
  const refusal = (spec: VmSpec, options?: QemuOptions, verdict?: KvmVerdict["verdict"]) =>
    Effect.flip(Effect.scoped(Effect.provide(boot(spec), layer(options, verdict))))

  it.live(
    "a file that is no kernel, and one cut short",
    () =>
      Effect.gen(function* () {
        const text = path.join(directory, "text")
        fs.writeFileSync(text, "")
        const empty = yield* refusal(specOf(text))
        expect(empty.reason).toBe("BadKernel")
        expect(empty.message).toContain(text)
        const { kernel } = guest("hang")
        const cut = path.join(directory, "cut.elf")
        fs.writeFileSync(cut, fs.readFileSync(kernel.image).subarray(0, 0x1800))
        expect((yield* refusal(specOf(cut))).reason).toBe("BadKernel")
      }),
    seconds
  )

  it.live("without qemu", () =>
    Effect.gen(function* () {
      const error = yield* refusal(guest("hang"), { binary: "qemu-system-nowhere" })
      expect(error.reason).toBe("BackendMissing")
      expect(error.message).toBe(
        "qemu-system-nowhere not found in PATH: install it with: apt-get install qemu-system-x86"
      )
    })
  )

  it.live("more memory than there is", () =>
    Effect.gen(function* () {
      const error = yield* refusal(guest("hang", "x", { memoryMb: 1 << 30 }))
      expect(error.reason).toBe("OutOfMemory")
      expect(error.message).toMatch(
        /^guest memory of 1073741824 MiB does not fit in \/dev\/shm, which has \d+ MiB free/
      )
    })
  )

  it.live("KVM demanded where it is of no use", () =>
    Effect.gen(function* () {
      const error = yield* refusal(guest("hang"), { accel: "kvm" }, "too slow")
      expect(error.reason).toBe("KvmUnusable")
      expect(error.message).toBe(
        "/dev/kvm: present, not usable: too slow: as the test says; use --vmm qemu-tcg, or auto, which emulates where KVM is of no use"
      )
    })
  )

  it.live("specs that no machine fits", () =>
    Effect.gen(function* () {
      const disk = yield* refusal(guest("hang", "x", { clock: "deterministic", scratchDiskMb: 8 }))
      expect([disk.reason, disk.message]).toEqual(["BadSpec", expect.stringContaining("deterministic")])
      const topology = Topology.unsafeMake({ numaNodes: 1, llcs: 14, coresPerLlc: 18, threadsPerCore: 1 })
      const apic = yield* refusal(guest("hang", "x", { topology }))
      expect(apic.reason).toBe("BadSpec")
      expect(apic.message).toContain("1n14l18c1t needs APIC id 433")
      const ring = yield* refusal(guest("hang", "x", { ring: { address: 63 * 1024 * 1024, size: 2 * 1024 * 1024 } }))
      expect(ring.reason).toBe("BadSpec")
      expect(ring.message).toContain("at 0x3f00000 is not within the RAM of a machine of 64 MiB")
      const missing = yield* refusal(guest("hang", "x", { initramfs: ["/nowhere/initramfs"] }))
      expect(missing.reason).toBe("Io")
      expect(missing.message).toContain("/nowhere/initramfs")
    })
  )
})
