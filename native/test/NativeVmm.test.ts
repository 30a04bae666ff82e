// Tests what the native backend adds to the contract: its virtio disk as the guest sees it, and guest memory on the host's huge pages.
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { expect, it } from "@effect/vitest"
import { Topology } from "@ktstr/core"
import { Vmm, type VmSpec } from "@ktstr/core/machine"
import { freeHugePages, layerNativeVmm, makeNativeVmm } from "@ktstr/native"
import { Chunk, Deferred, Effect, Logger, Stream } from "effect"
import { afterAll, beforeAll, describe } from "vitest"
import { type Ending, endingCode, writeTinyGuest } from "../../core/test/vmm/tinyGuest.ts"
import { virtioMmio } from "../machine/Layout.ts"
import { noKvm } from "./kvmDevice.ts"

let directory: string
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "ktstr-native-test-"))
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

const specOf = (
  instructions: ReadonlyArray<number> | undefined,
  more: Partial<VmSpec>,
  ending: Ending = "poweroff"
) => {
  const kernel = path.join(directory, "kernel.elf")
  writeTinyGuest(kernel, ending, "hello\n", instructions)
  return {
    kernel: { image: kernel, vmlinux: kernel },
    initramfs: [],
    cmdline: [],
    topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 }),
    memoryMb: 64,
    clock: "auto",
    ...more
  } satisfies VmSpec
}
const boot = (spec: VmSpec) => Effect.flatMap(Vmm, (vmm) => vmm.boot(spec))

const le32 = (n: number): Array<number> => [0, 8, 16, 24].map((shift) => (n >>> shift) & 0xff)
/** mov edi, address; mov eax, [rdi]; then writes its four bytes to COM2, lowest first. */
const tell = (address: number): Array<number> => [
  ...[0xbf, ...le32(address), 0x8b, 0x07, 0x66, 0xba, 0xf8, 0x02, 0xee],
  ...[1, 2, 3].flatMap(() => [0xc1, 0xe8, 0x08, 0xee])
]
/** Registers (virtio 1.2, 4.2.2): magic, version, device, vendor; then the capacity in sectors (5.2.4), two words. */
const registers = [0x000, 0x004, 0x008, 0x100, 0x104]

describe.skipIf(noKvm !== undefined)("the native backend", () => {
  it.scopedLive.each([
    ["a disk of 3 MiB", 3, [0x74726976, 2, 2, 3 * 2048, 0]],
    ["no disk", undefined, [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]]
  ] as const)("shows the guest %s", ([, scratchDiskMb, words]) =>
    Effect.gen(function* () {
      const code = [...registers.flatMap((at) => tell(virtioMmio.base + at)), ...endingCode("poweroff")]
      const vm = yield* boot(specOf(code, { scratchDiskMb }))
      const bytes = Buffer.concat(Chunk.toArray(yield* Stream.runCollect(vm.channel.incoming)))
      expect((yield* Deferred.await(vm.exit))._tag).toBe("PowerOff")
      expect(registers.map((_, index) => bytes.readUInt32LE(index * 4))).toEqual(words)
    }).pipe(Effect.provide(layerNativeVmm()))
  )

  it.scopedLive.each([
    ["alone", undefined, 0],
    ["behind the disk", 1, 1]
  ] as const)("shows the guest a virtio console %s, when asked for", ([, scratchDiskMb, slot]) =>
    Effect.gen(function* () {
      const at = virtioMmio.base + slot * virtioMmio.size
      const code = [...[0, 8].flatMap((register) => tell(at + register)), ...endingCode("poweroff")]
      const native = yield* makeNativeVmm({ terminal: true })
      const vm = yield* native.boot(specOf(code, { scratchDiskMb }))
      const bytes = Buffer.concat(Chunk.toArray(yield* Stream.runCollect(vm.channel.incoming)))
      expect([bytes.readUInt32LE(0), bytes.readUInt32LE(4)]).toEqual([0x74726976, 3])
      const { terminal } = vm
      if (terminal === undefined) throw new Error("no terminal, although asked for")
      // The terminal ends with the machine; sending to it then fails.
      expect(Chunk.isEmpty(yield* Stream.runCollect(terminal.incoming))).toBe(true)
      const error = yield* Effect.flip(terminal.send(Uint8Array.of(1)))
      expect([error.reason, error.message]).toEqual(["ChannelLost", expect.stringContaining("virtio console")])
      yield* terminal.resize(80, 25)
      const without = yield* (yield* makeNativeVmm()).boot(specOf(undefined, {}, "hang"))
      expect(without.terminal).toBeUndefined()
    })
  )

  it.scopedLive("warns of huge pages that are not there, and runs on regular ones", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(String(message)))
      const free = freeHugePages()
      const memoryMb = 64 + 2 * free
      const vm = yield* boot(specOf(undefined, { memoryMb, performance: { hugePages: true } }, "hang")).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      expect(vm.memory.size).toBe(memoryMb * 1024 * 1024)
      yield* Stream.runHead(Stream.filter(vm.console, (line) => line === "hello"))
      expect(said).toEqual([
        free === 0
          ? "performance_mode: WARNING: no 2MB hugepages available, guest memory will use regular pages"
          : `performance_mode: WARNING: need ${memoryMb / 2} 2MB hugepages, only ${free} free — falling back to regular pages`
      ])
    }).pipe(Effect.provide(layerNativeVmm()))
  )

  it.scopedLive("refuses a host NUMA node that is not there, and more memory than the machine has", () =>
    Effect.gen(function* () {
      const refusal = (more: Partial<VmSpec>) => Effect.flip(Effect.asVoid(boot(specOf(undefined, more))))
      const node = yield* refusal({ performance: { hostNodes: [63] } })
      expect([node.reason, node.message]).toEqual(["BadSpec", expect.stringMatching(/host NUMA node 63/)])
      const memory = yield* refusal({ memoryMb: 2 ** 24 })
      expect([memory.reason, memory.message]).toEqual([
        "OutOfMemory",
        expect.stringMatching(
          /^can't allocate 16777216 MiB of guest memory: this machine has \d+ MiB \(RAM and swap\); ask for less guest memory$/
        )
      ])
    }).pipe(Effect.provide(layerNativeVmm()))
  )
})
