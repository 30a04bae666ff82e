// The qemu backend with a real kernel: the topology in its sysfs, both ports, the ring, and every way to end.
import "./prepare.ts"
// KTSTR_TEST_KERNEL: a bzImage. KTSTR_TEST_VMLINUX (optional): its ELF, which boots 2 s sooner.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { it } from "@effect/vitest"
import { type CpuSet, Topology } from "@ktstr/core"
import { KvmProbe, KvmVerdict, Vmm, type VmSpec } from "@ktstr/core/machine"
import { qemuPlugin } from "@ktstr/native"
import { layerQemu } from "@ktstr/vmm-qemu"
import { Chunk, Deferred, Effect, Either, Fiber, Layer, Stream } from "effect"
import { afterAll, beforeAll, describe, expect, inject } from "vitest"

const init = `#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /sys /dev
$B mount -t proc proc /proc; $B mount -t sysfs sysfs /sys; $B mount -t devtmpfs dev /dev
for word in $($B cat /proc/cmdline); do case $word in test=*) what=\${word#test=};; esac; done
case $what in
topology)
  cd /sys/devices/system/cpu
  for c in cpu[0-9]*; do
    echo "cpu \${c#cpu} llc=$($B cat $c/cache/index3/shared_cpu_list) core=$($B cat $c/topology/thread_siblings_list) package=$($B cat $c/topology/package_cpus_list)"
  done
  cd /sys/devices/system/node
  for n in node[0-9]*; do
    echo "node \${n#node} cpus=$($B cat $n/cpulist) distances=$($B cat $n/distance | $B tr ' ' ,) kb=$($B awk '/MemTotal/ { print $4 }' $n/meminfo)"
  done;;
ports)
  # Held open: closing a port throws away what has arrived.
  exec 3<>/dev/ttyS1
  $B stty raw -echo <&3
  $B devmem 0x10000000 32 0xfeedface
  echo ready >&3
  read line <&3
  echo "got $line" >&3
  $B cat /before /after
  $B grep ' : Reserved' /proc/iomem | $B grep -i '10000000-100fffff' && echo ring reserved;;
panic) echo c > /proc/sysrq-trigger;;
reset) $B reboot -f;;
esac
$B poweroff -f
`

/** A newc archive (Documentation/driver-api/early-userspace/buffer-format.rst). */
const archive = (members: ReadonlyArray<readonly [name: string, mode: number, content: Buffer]>): Buffer => {
  const member = (name: string, mode: number, content: Buffer): Buffer => {
    const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0]
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`
    const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
    return Buffer.concat([padded(Buffer.from(header)), padded(content)])
  }
  const all = [...members, ["TRAILER!!!", 0, Buffer.alloc(0)] as const]
  return Buffer.concat(all.map(([name, mode, content]) => member(name, mode, content)))
}

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ktstr-e2e-"))
  const file = (name: string, text: string): Buffer => archive([[name, 0o100644, Buffer.from(text)]])
  const base = archive([
    ["bin", 0o40755, Buffer.alloc(0)],
    ["bin/busybox", 0o100755, readFileSync("/bin/busybox")],
    ["init", 0o100755, Buffer.from(init)]
  ])
  writeFileSync(join(directory, "initramfs"), base)
  // One byte off the alignment that the next part needs.
  writeFileSync(join(directory, "before"), Buffer.concat([file("before", "part one\n"), Buffer.alloc(1)]))
  writeFileSync(join(directory, "after"), gzipSync(file("after", "part three\n")))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const kernel = (): VmSpec["kernel"] => {
  const { image, vmlinux } = inject("kernel")
  return { image, vmlinux }
}

const spec = (test: string, more: Partial<VmSpec> = {}): VmSpec => ({
  kernel: kernel(),
  initramfs: [join(directory, "initramfs")],
  cmdline: ["quiet", `test=${test}`],
  topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 2, threadsPerCore: 1 }),
  memoryMb: 512,
  clock: "auto",
  ...more
})

const backend = Layer.provide(
  layerQemu({ accel: "tcg", plugin: qemuPlugin() }),
  Layer.succeed(KvmProbe, { verdict: Effect.succeed(KvmVerdict.make({ verdict: "absent", reason: "not asked for" })) })
)

/** Boots, waits for the end, and returns it with the whole console. */
const watch = (machine: VmSpec) =>
  Effect.gen(function* () {
    const vmm = yield* Vmm
    const vm = yield* vmm.boot(machine)
    const lines = Chunk.toArray(yield* Stream.runCollect(vm.console))
    return { exit: yield* Deferred.await(vm.exit), lines }
  }).pipe(Effect.scoped, Effect.provide(backend))

const list = (set: CpuSet): string => set.toString()

describe("the guest kernel sees the topology asked for", () => {
  const asked = [
    ...["1n1l4c1t", "1n2l2c1t", "1n2l2c2t", "1n3l3c1t", "2n4l2c1t"].map((text) =>
      Either.getOrThrow(Topology.parse(text))
    ),
    Topology.unsafeMake({
      nodes: [{ llcs: 2 }, { llcs: 1 }, { llcs: 0, memoryMb: 128, latencyNs: 300, bandwidthMbps: 2048 }],
      coresPerLlc: 2,
      threadsPerCore: 1,
      distances: [
        [10, 21, 40],
        [21, 10, 30],
        [40, 30, 10]
      ]
    })
  ]
  it.live.each(asked)("%s", (topology) =>
    Effect.gen(function* () {
      const { exit, lines } = yield* watch(spec("topology", { topology }))
      expect(exit).toEqual({ _tag: "PowerOff" })
      const cpus = Array.from({ length: topology.cpus }, (_, cpu) => {
        const { llc, node, core } = topology.place(cpu)
        const first = llc * topology.cpusPerLlc + core * topology.threadsPerCore
        const siblings = topology.threadsPerCore === 1 ? `${first}` : `${first}-${first + topology.threadsPerCore - 1}`
        const even = topology.nodes.every((n) => n.llcs === topology.nodes[0]!.llcs)
        const inPackage = even ? topology.cpusInNode(node) : topology.allCpus
        return `cpu ${cpu} llc=${list(topology.cpusInLlc(llc))} core=${siblings} package=${list(inPackage)}`
      })
      const numeric = (a: string, b: string): number => Number(a.split(" ")[1]) - Number(b.split(" ")[1])
      expect(lines.filter((line) => line.startsWith("cpu ")).sort(numeric)).toEqual(cpus)
      const nodes = topology.nodes.map(
        (node) =>
          `node ${node.index} cpus=${list(topology.cpusInNode(node.index))} distances=${topology.distances[node.index]!.join(",")}`
      )
      const seen = lines.filter((line) => line.startsWith("node ")).sort(numeric)
      expect(seen.map((line) => line.replace(/ kb=.*/, ""))).toEqual(nodes)
      for (const line of seen) expect(Number(/kb=(\d+)/.exec(line)?.[1])).toBeGreaterThan(64 * 1024)
    })
  )
})

describe("a machine with a real kernel", () => {
  it.live("takes its initramfs in parts, talks on COM2 and shares the ring", () =>
    Effect.gen(function* () {
      const vmm = yield* Vmm
      const vm = yield* vmm.boot(
        spec("ports", {
          ring: { address: 0x10000000, size: 0x100000 },
          initramfs: ["before", "initramfs", "after"].map((name) => join(directory, name))
        })
      )
      const lines = yield* vm.channel.incoming.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.tap((line) => (line === "ready" ? vm.channel.send(new TextEncoder().encode("ping\n")) : Effect.void)),
        Stream.runCollect,
        Effect.fork
      )
      expect(yield* Deferred.await(vm.exit)).toEqual({ _tag: "PowerOff" })
      expect(Chunk.toArray(yield* Fiber.join(lines))).toEqual(["ready", "got ping"])
      const word = vm.memory.read(0x10000000, 4)
      expect(new DataView(word.buffer).getUint32(0, true)).toBe(0xfeedface)
      expect(vm.consoleTail(20)).toEqual(expect.arrayContaining(["part one", "part three", "ring reserved"]))
    }).pipe(Effect.scoped, Effect.provide(backend))
  )

  it.live("panics with the kernel's message", () =>
    Effect.gen(function* () {
      const { exit } = yield* watch(spec("panic"))
      expect(exit).toEqual({ _tag: "Panic", message: "sysrq triggered crash" })
    })
  )

  it.live(
    "says the same to the byte when deterministic",
    () =>
      Effect.gen(function* () {
        const machine = spec("topology", { clock: "deterministic", cmdline: ["test=topology", "loglevel=7"] })
        const first = yield* watch(machine)
        const second = yield* watch(machine)
        expect(first.exit).toEqual({ _tag: "PowerOff" })
        expect(first.lines.length).toBeGreaterThan(100)
        expect(second.lines).toEqual(first.lines)
      }),
    { retry: 0 }
  )

  it.live("resets in order", () =>
    Effect.gen(function* () {
      const { exit } = yield* watch(spec("reset"))
      expect(exit).toEqual({ _tag: "Reset" })
    })
  )
})
