import { expect, it } from "@effect/vitest"
import { Topology } from "@ktstr/core"
import type { VmSpec } from "@ktstr/core/machine"
import {
  highestApicId,
  kernelCommandLine as lineOf,
  type QemuChoices,
  qemuArguments,
  smpArgument
} from "@ktstr/vmm-qemu"
import { Either } from "effect"
import { describe } from "vitest"

const topology = (text: string): Topology => Either.getOrThrow(Topology.parse(text))

const spec = (more: Partial<VmSpec> = {}): VmSpec => ({
  kernel: { image: "/k/bzImage" },
  initramfs: ["/i"],
  cmdline: ["loglevel=7", "panic=5"],
  topology: topology("1n2l2c1t"),
  memoryMb: 1024,
  clock: "auto",
  ...more
})

const kernelCommandLine = (...args: Parameters<typeof lineOf>): string => Either.getOrThrow(lineOf(...args))

const choices = (more: Partial<QemuChoices> = {}): QemuChoices => ({
  accel: "tcg",
  thread: "single",
  kernel: "/k/vmlinux",
  commandLine: 'quiet  "a b"',
  initrd: "/i",
  memory: [{ mb: 1024, path: "/m0" }],
  qmp: 3,
  ports: { kind: "pipe", console: "/p/console", channel: "/p/channel" },
  ...more
})

/** Values of all occurrences of an option. */
const values = (args: ReadonlyArray<string>, option: string): ReadonlyArray<string> =>
  args.flatMap((arg, index) => (arg === option ? [args[index + 1]!] : []))

describe("smpArgument", () => {
  const cases = [
    ["1n1l4c1t", "cpus=4,maxcpus=4,sockets=1,dies=1,cores=4,threads=1"],
    ["1n2l2c2t", "cpus=8,maxcpus=8,sockets=1,dies=2,cores=2,threads=2"],
    ["1n3l3c1t", "cpus=9,maxcpus=9,sockets=1,dies=3,cores=3,threads=1"],
    ["2n4l2c1t", "cpus=8,maxcpus=8,sockets=2,dies=2,cores=2,threads=1"]
  ] as const
  it.each(cases)("makes each LLC of %s a die", (text, expected) => {
    expect(smpArgument(topology(text))).toBe(expected)
  })

  it("puts nodes that differ on one socket", () => {
    const uneven = Topology.unsafeMake({
      nodes: [{ llcs: 2 }, { llcs: 1 }, { llcs: 0 }],
      coresPerLlc: 2,
      threadsPerCore: 1
    })
    expect(smpArgument(uneven)).toBe("cpus=6,maxcpus=6,sockets=1,dies=3,cores=2,threads=1")
  })
})

it("highestApicId counts in fields of powers of two", () => {
  expect(highestApicId(topology("1n1l1c1t"))).toBe(0)
  expect(highestApicId(topology("1n3l3c1t"))).toBe(10)
  expect(highestApicId(topology("2n4l2c2t"))).toBe(15)
  expect(highestApicId(topology("1n15l8c2t"))).toBe(239)
  expect(highestApicId(topology("1n14l18c1t"))).toBe(433)
})

describe("kernelCommandLine", () => {
  it("lets the spec have the last word", () => {
    const line = kernelCommandLine(spec(), "tcg").split(" ")
    expect(line.indexOf("panic=5")).toBeGreaterThan(line.indexOf("panic=-1"))
    expect(line.at(-2)).toBe("loglevel=7")
    expect(line).toContain("tsc=reliable")
    expect(kernelCommandLine(spec(), "kvm")).not.toContain("tsc=reliable")
    expect(kernelCommandLine(spec(), "tcg", 2_596_142).split(" ")).toContain("tsc_early_khz=2596142")
    expect(kernelCommandLine(spec(), "kvm", 2_596_142)).not.toContain("tsc_early_khz")
    expect(kernelCommandLine(spec({ clock: "deterministic" }), "tcg", 2_596_142)).not.toContain("tsc_early_khz")
  })

  it("reserves the ring and tells the agent of it", () => {
    const line = kernelCommandLine(spec({ ring: { address: 0x10000000, size: 0x100000 } }), "tcg").split(" ")
    expect(line).toContain("memmap=0x100000$0x10000000")
    expect(line).toContain("ktstr.ring=0x10000000,0x100000")
  })

  it("leaves the kernel its random place only when asked", () => {
    expect(kernelCommandLine(spec(), "tcg")).toContain("nokaslr")
    expect(kernelCommandLine(spec({ kaslr: true }), "tcg")).not.toContain("nokaslr")
  })
})

describe("qemuArguments", () => {
  it("describes a machine of one node", () => {
    const args = qemuArguments(spec(), choices())
    expect(values(args, "-machine")).toEqual(["q35,smbus=off,sata=off,vmport=off,memory-backend=ram0"])
    expect(values(args, "-accel")).toEqual(["tcg,thread=single"])
    expect(values(args, "-m")).toEqual(["1024M"])
    expect(values(args, "-object")).toEqual(["memory-backend-file,id=ram0,size=1024M,mem-path=/m0,share=on"])
    expect(values(args, "-numa")).toEqual([])
    expect(values(args, "-serial")).toEqual(["chardev:com1", "chardev:com2"])
    expect(values(args, "-kernel")).toEqual(["/k/vmlinux"])
    expect(values(args, "-initrd")).toEqual(["/i"])
    expect(values(args, "-append")).toEqual(['quiet  "a b"'])
    expect(args).not.toContain("-icount")
  })

  it("has no initrd option without an initramfs", () => {
    expect(qemuArguments(spec(), choices({ initrd: undefined }))).not.toContain("-initrd")
  })

  it("threads emulation only on request, and never when deterministic", () => {
    const multi = choices({ thread: "multi" })
    expect(values(qemuArguments(spec(), multi), "-accel")).toEqual(["tcg,thread=multi"])
    const args = qemuArguments(spec({ clock: "deterministic" }), multi)
    expect(values(args, "-accel")).toEqual(["tcg,thread=single"])
    expect(values(args, "-icount")).toEqual(["shift=1,sleep=off"])
    expect(values(args, "-seed")).toEqual(["0"])
    expect(values(args, "-rtc")).toEqual(["clock=vm,base=2020-01-01"])
    expect(values(args, "-cpu")[0]).toMatch(/,-rdrand,-rdseed$/)
  })

  it("holds a machine with the plugin until the monitor starts it, and lets a fork server fork", () => {
    const own = qemuArguments(spec({ clock: "deterministic" }), choices({ plugin: "file=/p.so" }))
    expect([values(own, "-plugin"), own.includes("-S")]).toEqual([["file=/p.so"], true])
    expect(values(own, "-sandbox")[0]).toContain("spawn=deny")
    const server = qemuArguments(
      spec({ clock: "deterministic" }),
      choices({ plugin: "file=/p.so,control=9", forks: true, qmp: undefined })
    )
    expect([values(server, "-plugin"), server.includes("-S")]).toEqual([["file=/p.so,control=9"], false])
    expect(values(server, "-sandbox")[0]).not.toContain("spawn=deny")
    expect(qemuArguments(spec(), choices())).not.toContain("-S")
  })

  it("runs the host's CPU under KVM, remapping interrupts when APIC ids are wide", () => {
    const args = qemuArguments(spec(), choices({ accel: "kvm" }))
    expect(values(args, "-accel")).toEqual(["kvm"])
    expect(values(args, "-cpu")[0]).toMatch(/^host,/)
    expect(args).not.toContain("-device")
    const wide = qemuArguments(spec({ topology: topology("1n14l18c1t") }), choices({ accel: "kvm" }))
    expect(values(wide, "-device")).toEqual(["intel-iommu,intremap=on,eim=on"])
    expect(values(wide, "-machine")[0]).toContain("kernel-irqchip=split")
  })

  it("describes nodes, their CPUs, memory and distances", () => {
    const nodes = Topology.unsafeMake({
      nodes: [{ llcs: 2 }, { llcs: 1 }, { llcs: 0, latencyNs: 300, bandwidthMbps: 2048 }],
      coresPerLlc: 2,
      threadsPerCore: 1,
      distances: [
        [10, 21, 40],
        [21, 10, 30],
        [40, 30, 10]
      ]
    })
    const memory = [512, 256, 256].map((mb, i) => ({ mb, path: `/m${i}` }))
    const args = qemuArguments(spec({ topology: nodes }), choices({ memory }))
    expect(values(args, "-numa")).toEqual([
      "node,nodeid=0,cpus=0-3,memdev=ram0,initiator=0",
      "node,nodeid=1,cpus=4-5,memdev=ram1,initiator=1",
      "node,nodeid=2,memdev=ram2,initiator=1",
      "dist,src=0,dst=1,val=21",
      "dist,src=0,dst=2,val=40",
      "dist,src=1,dst=2,val=30",
      "hmat-lb,initiator=1,target=2,hierarchy=memory,data-type=access-latency,latency=300",
      "hmat-lb,initiator=1,target=2,hierarchy=memory,data-type=access-bandwidth,bandwidth=2048M"
    ])
    expect(values(args, "-machine")).toEqual(["q35,smbus=off,sata=off,vmport=off,hmat=on"])
    expect(values(args, "-object")).toHaveLength(3)
  })
})

describe("what is asked for beside the machine", () => {
  it("a scratch disk is a virtio disk on its file, and nothing without one", () => {
    const args = qemuArguments(spec({ scratchDiskMb: 8 }), choices({ disk: "/d" }))
    expect(values(args, "-drive")).toEqual(["if=none,id=scratch,file=/d,format=raw,cache=unsafe"])
    expect(values(args, "-device")).toEqual(["virtio-blk-pci,drive=scratch,serial=ktstr-scratch"])
    expect(values(qemuArguments(spec(), choices()), "-drive")).toEqual([])
  })

  it("performance under KVM: hints, idling in the guest, and memory of host nodes", () => {
    const performance = { realtimeHint: true, idleInGuest: true, hostNodes: [1] }
    const memory = [{ mb: 1024, path: "/m0", hostNode: 1 }]
    const kvm = qemuArguments(spec({ performance }), choices({ accel: "kvm", memory }))
    expect(values(kvm, "-cpu")[0]).toMatch(/^host,.*,kvm-hint-dedicated=on$/)
    expect(values(kvm, "-overcommit")).toEqual(["cpu-pm=on"])
    expect(values(kvm, "-object")[0]).toMatch(/,host-nodes=1,policy=bind$/)
    const tcg = qemuArguments(spec({ performance }), choices({ memory }))
    expect([values(tcg, "-overcommit"), values(tcg, "-cpu").join().includes("hint")]).toEqual([[], false])
    const plain = qemuArguments(spec(), choices({ accel: "kvm" }))
    expect([values(plain, "-overcommit"), values(plain, "-cpu").join().includes("hint")]).toEqual([[], false])
  })
})
