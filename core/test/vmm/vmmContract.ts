// What every backend of the Vmm service does alike. Called by the tests of each.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, type Layer, Option, Scope, Stream } from "effect"
import { afterAll, beforeAll, describe } from "vitest"
import { type VmExit, Vmm, type VmSpec } from "../../src/machine/Vmm.ts"
import { Topology } from "../../src/topology/Topology.ts"
import { type Ending, mark, markAddress, writeTinyGuest } from "./tinyGuest.ts"

const mib = 1024 * 1024
const memoryMb = 64
const quit = new TextEncoder().encode("Q")
const patience = 30_000

const text = (chunks: Chunk.Chunk<Uint8Array>): string => Buffer.concat(Chunk.toArray(chunks)).toString()

/** Declares the suite for one backend. `told`: what its machines say they are. */
export const vmmContract = (
  name: string,
  layer: Layer.Layer<Vmm>,
  told: { readonly backend: string; readonly clock: string }
): void => {
  describe(`Vmm contract: ${name}`, () => {
    let directory: string
    beforeAll(() => {
      directory = fs.mkdtempSync(path.join(os.tmpdir(), "ktstr-contract-"))
    })
    afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

    const guest = (ending: Ending, said = "hello\n", more: Partial<VmSpec> = {}): VmSpec => {
      const kernel = path.join(directory, `${ending}.elf`)
      writeTinyGuest(kernel, ending, said)
      return {
        kernel: { image: kernel, vmlinux: kernel },
        initramfs: [],
        cmdline: [],
        topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 }),
        memoryMb,
        clock: "auto",
        ...more
      }
    }
    const boot = (spec: VmSpec) => Effect.flatMap(Vmm, (vmm) => vmm.boot(spec))
    // The machine itself must not become the error that a failed test prints.
    const refusal = (spec: VmSpec) => Effect.flip(Effect.asVoid(boot(spec)))
    const check = <E>(what: string, test: () => Effect.Effect<void, E, Vmm | Scope.Scope>): void =>
      it.scopedLive(what, () => Effect.provide(test(), layer), patience)

    check("runs a guest: console, channel, memory, power-off", () =>
      Effect.gen(function* () {
        const vm = yield* boot(guest("poweroff", "one\r\ntwo\nthree"))
        expect([vm.backend, vm.clock, vm.memory.size]).toEqual([told.backend, told.clock, memoryMb * mib])
        const echoed = yield* Effect.fork(Stream.runCollect(vm.channel.incoming))
        yield* vm.channel.send(new TextEncoder().encode("ab"))
        yield* vm.channel.send(quit)
        expect(yield* Deferred.await(vm.exit)).toEqual({ _tag: "PowerOff" })
        expect(text(yield* Fiber.join(echoed))).toBe("abQ")
        // Firmware may print before; the guest's lines come last, and every reader sees all.
        for (const _ of [1, 2]) {
          const lines = Chunk.toArray(yield* Stream.runCollect(vm.console))
          expect(lines.slice(-3).map((line) => line.trimEnd())).toEqual(["one", "two", "three"])
        }
        expect(vm.consoleTail(1)).toEqual(["three"])
        expect(vm.consoleTail(0)).toEqual([])
        // Readable still, after the end.
        const bytes = vm.memory.read(markAddress, 4)
        expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)).toBe(mark)
        expect(Object.values(yield* vm.stats).every((count) => Number.isFinite(count))).toBe(true)
        expect((yield* Effect.flip(vm.channel.send(quit))).reason).toBe("ChannelLost")
      })
    )

    check("carries more than any buffer between, in order", () =>
      Effect.gen(function* () {
        const vm = yield* boot(guest("poweroff"))
        const said = Array.from({ length: 3000 }, (_, i) => `${i},`).join("")
        const echoed = yield* Effect.fork(Stream.runCollect(vm.channel.incoming))
        yield* vm.channel.send(new TextEncoder().encode(`${said}Q`))
        expect(yield* Deferred.await(vm.exit)).toEqual({ _tag: "PowerOff" })
        expect(text(yield* Fiber.join(echoed))).toBe(`${said}Q`)
      })
    )

    check("pauses and resumes, with memory open meanwhile", () =>
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
        const late = yield* Stream.runHead(vm.channel.incoming)
        expect(Option.map(late, (bytes) => Buffer.from(bytes).toString())).toEqual(Option.some("x"))
        yield* vm.channel.send(quit)
        expect((yield* Deferred.await(vm.exit))._tag).toBe("PowerOff")
      })
    )

    const ends: ReadonlyArray<readonly [string, Ending, string, (exit: VmExit) => void]> = [
      [
        "an orderly restart",
        "reset",
        "[    1.0] reboot: Restarting system\n",
        (exit) => expect(exit).toEqual({ _tag: "Reset" })
      ],
      [
        "a panic",
        "reset",
        "[    1.0] Kernel panic - not syncing: sysrq triggered crash\n",
        (exit) => expect(exit).toEqual({ _tag: "Panic", message: "sysrq triggered crash" })
      ],
      [
        "a triple fault, with the registers",
        "tripleFault",
        "[    1.0] fine\n",
        (exit) => expect(exit).toEqual({ _tag: "TripleFault", registers: expect.stringMatching(/[ER]IP=[0-9a-f]+/) })
      ]
    ]
    for (const [what, ending, said, judge] of ends) {
      check(`tells ${what}`, () =>
        Effect.gen(function* () {
          const vm = yield* boot(guest(ending, said))
          yield* vm.channel.send(quit)
          judge(yield* Deferred.await(vm.exit))
        })
      )
    }

    check("a machine dies with its scope, and its readers are told", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const vm = yield* Scope.extend(boot(guest("hang")), scope)
        const console = yield* Effect.fork(Stream.runCollect(vm.console))
        const channel = yield* Effect.fork(Stream.runCollect(vm.channel.incoming))
        yield* Stream.runHead(Stream.filter(vm.console, (line) => line === "hello"))
        yield* Scope.close(scope, Exit.void)
        expect(yield* Deferred.await(vm.exit)).toEqual({ _tag: "Killed" })
        expect(Chunk.toArray(yield* Fiber.join(console)).at(-1)).toBe("hello")
        expect(Chunk.isEmpty(yield* Fiber.join(channel))).toBe(true)
      })
    )

    check("memory is bounds-checked, and what was read is the reader's own", () =>
      Effect.gen(function* () {
        const { memory } = yield* boot(guest("hang"))
        const end = memory.size
        for (const [address, length] of [
          [end, 1],
          [end - 1, 2],
          [-1, 1],
          [0, -1],
          [0.5, 1],
          [2 ** 52, 1]
        ] as const) {
          expect(() => memory.read(address, length)).toThrow(RangeError)
        }
        expect(() => memory.write(end - 1, Uint8Array.of(7, 7))).toThrow(RangeError)
        expect([...memory.read(end - 1, 1)]).toEqual([0])
        memory.write(0x300000, Uint8Array.of(1, 2))
        const copy = memory.read(0x300000, 2)
        memory.write(0x300000, Uint8Array.of(3, 4))
        expect([...copy]).toEqual([1, 2])
        expect(memory.read(0, 0).length).toBe(0)
      })
    )

    check("has a scratch disk, and leaves no file of it", () =>
      Effect.gen(function* () {
        const disks = () =>
          fs.readdirSync("/proc/self/fd").filter((fd) => {
            try {
              return /\/ktstr-.*-disk-/.test(fs.readlinkSync(`/proc/self/fd/${fd}`))
            } catch {
              return false
            }
          })
        const named = () => fs.readdirSync(os.tmpdir()).filter((file) => /^ktstr-.*-disk-/.test(file))
        const before = [disks(), named()]
        yield* Effect.scoped(
          Effect.gen(function* () {
            const vm = yield* boot(guest("poweroff", "hello\n", { scratchDiskMb: 8 }))
            expect(named()).toEqual(before[1])
            yield* vm.channel.send(quit)
            expect((yield* Deferred.await(vm.exit))._tag).toBe("PowerOff")
          })
        )
        expect([disks(), named()]).toEqual(before)
        for (const scratchDiskMb of [0, -1, 1.5, 2 ** 21]) {
          const refused = yield* refusal(guest("hang", "x", { scratchDiskMb }))
          expect([refused.reason, refused.message]).toEqual([
            "BadSpec",
            expect.stringContaining(`${scratchDiskMb} MiB`)
          ])
        }
      })
    )

    check("runs the same with every performance option it has", () =>
      Effect.gen(function* () {
        const performance = { hugePages: true, hostNodes: [0], realtimeHint: true, idleInGuest: true }
        const vm = yield* boot(guest("poweroff", "hello\n", { performance }))
        yield* vm.channel.send(quit)
        expect((yield* Deferred.await(vm.exit))._tag).toBe("PowerOff")
        expect(vm.consoleTail(1)).toEqual(["hello"])
      })
    )

    check("refuses what it can't boot, with the reason", () =>
      Effect.gen(function* () {
        const ring = yield* refusal(guest("hang", "x", { ring: { address: 63 * mib, size: 2 * mib } }))
        expect(ring.reason).toBe("BadSpec")
        const long = yield* refusal(guest("hang", "x", { cmdline: [`long=${"x".repeat(2048)}`] }))
        expect([long.reason, long.message]).toEqual([
          "BadSpec",
          expect.stringMatching(
            /^the kernel command line has 2\d{3} bytes, a kernel reads 2047: .*'long=x+…', has 2053$/
          )
        ])
        const image = path.join(directory, "noise")
        fs.writeFileSync(image, Buffer.alloc(100_000, 0x5a))
        const noise = yield* refusal(guest("hang", "x", { kernel: { image } }))
        expect([noise.reason, noise.message]).toEqual(["BadKernel", expect.stringContaining(image)])
        expect(noise.message).toMatch(/not a kernel|no kernel/)
      })
    )
  })
}
