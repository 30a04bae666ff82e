// Runs where KVM is usable, the lab included: boots the same kernel and initramfs on the native backend and on bare qemu, in turn, and
// prints as a line of JSON each how long it took to the agent's first frame, and what the machine cost its host beyond the guest's RAM.
// node --expose-gc nativeBoot.mjs VMLINUX ROUNDS
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { Topology } from "@ktstr/core"
import { packBase } from "@ktstr/core/image"
import { AgentBinary } from "@ktstr/core/machine"
import { readKernelLog } from "@ktstr/core/session"
import { layerAgentBinary, makeNativeVmm } from "@ktstr/native"
import { Effect, Either, Option, Stream } from "effect"

const [kernel, rounds] = process.argv.slice(2)
const memoryMb = 768
const topology = Either.getOrThrow(Topology.parse("1n1l1c1t"))
const agentWords = ["ktstr.mode=live"]
/** The kernel arguments that machineCommandLine gives every machine, and the agent's. Only ktstr can boot quietly without losing the log. */
const commandLine = ["console=ttyS0", "panic=-1", "cryptomgr.notests", "nokaslr", ...agentWords].join(" ")
/** A guest that has not answered by then hangs; the slowest answer measured took a third of this time. */
const patienceMs = 120_000

const kilobytes = (text, name) => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(text)?.[1] ?? 0)

/** Resident MB of a process in all and in its mapping of guest RAM, which is the one of just that size. */
const resident = (pid) => {
  const mappings = readFileSync(`/proc/${pid}/smaps`, "utf8").split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
  const guest = mappings.find((mapping) => kilobytes(mapping, "Size") === memoryMb * 1024)
  const all = mappings.reduce((sum, mapping) => sum + kilobytes(mapping, "Rss"), 0)
  return { all: all / 1024, guest: guest === undefined ? 0 : kilobytes(guest, "Rss") / 1024 }
}

const scratch = mkdtempSync(join(tmpdir(), "ktstr-bench-"))

const pack = Effect.gen(function* () {
  const agent = yield* Effect.flatMap(AgentBinary, (binary) => binary.path)
  return (yield* packBase({ agent, scratch })).path
}).pipe(Effect.provide(layerAgentBinary), Effect.provide(NodeContext.layer))

const initramfs = await Effect.runPromise(pack)
const vmm = await Effect.runPromise(makeNativeVmm())
const spec = {
  kernel: { image: kernel, vmlinux: kernel },
  initramfs: [initramfs],
  cmdline: agentWords,
  topology,
  memoryMb,
  clock: "auto"
}

/** What this process has resident once its garbage is gone and its heap has given back what it can. */
const settled = Effect.promise(async () => {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  return resident(process.pid)
})

const native = () =>
  Effect.gen(function* () {
    const before = yield* settled
    const began = performance.now()
    const vm = yield* vmm.boot(spec)
    const frame = yield* Effect.timeoutOption(Stream.runHead(vm.channel.incoming), patienceMs)
    if (Option.isNone(frame)) {
      const log = yield* readKernelLog(vm.memory)
      process.stderr.write(`${JSON.stringify(yield* vm.stats)}\n${log.slice(-20).join("\n")}\n`)
      return undefined
    }
    const ms = performance.now() - began
    const after = yield* settled
    return { ms, overheadMb: after.all - after.guest - before.all }
  }).pipe(Effect.scoped, Effect.runPromise)

/** COM2 is qemu's standard output. */
const qemu = (machine) =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const child = spawn(
      "qemu-system-x86_64",
      [
        ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-accel", "kvm", "-cpu", "host"],
        ...["-m", `${memoryMb}`, "-smp", "1", ...machine.arguments],
        ...["-kernel", kernel, "-initrd", initramfs, "-append", `${commandLine} ${machine.words ?? ""}`],
        ...["-chardev", "null,id=com1", "-chardev", "stdio,id=com2,signal=off", "-serial", "chardev:com1"],
        ...machine.com2
      ],
      { stdio: ["pipe", "pipe", "inherit"] }
    )
    let result
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs)
    child.once("error", reject)
    child.stdout.once("data", () => {
      const ms = performance.now() - began
      const { all, guest } = resident(child.pid)
      result = { ms, overheadMb: all - guest }
      child.kill("SIGKILL")
    })
    child.once("close", () => {
      clearTimeout(timer)
      resolve(result)
    })
  })

/** Each with what speeds it up: no devices that the guest would look for. An ELF is entered by PVH. */
const machines = {
  q35: { arguments: ["-M", "q35,smbus=off,sata=off,vmport=off"], com2: ["-serial", "chardev:com2"] },
  microvm: {
    arguments: ["-M", "microvm,x-option-roms=off,rtc=off"],
    com2: ["-device", "isa-serial,chardev=com2,iobase=0x2f8,irq=3"]
  }
}

// How much of the difference is the boot log on the serial port.
machines.quietMicrovm = { ...machines.microvm, words: "loglevel=6" }

const hung = new Set()
try {
  for (let round = 0; round <= Number(rounds); round++) {
    for (const name of ["native", ...Object.keys(machines)]) {
      if (hung.has(name)) continue
      const result = name === "native" ? await native() : await qemu(machines[name])
      if (result === undefined) hung.add(name)
      process.stdout.write(`${JSON.stringify({ name, round, ...result })}\n`)
    }
  }
} finally {
  rmSync(scratch, { recursive: true })
}
