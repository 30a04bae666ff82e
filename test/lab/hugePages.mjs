// In level 1, whose memory is its own: machines on the host's huge pages. argv: a kernel, then pages to reserve for each machine.
// Prints what the reserve was before, while and after each ran, and the warnings.
import { readFileSync, writeFileSync } from "node:fs"
import { Topology } from "@ktstr/core"
import { Vmm } from "@ktstr/core/machine"
import { layerNativeVmm } from "@ktstr/native"
import { Effect, Logger, Stream } from "effect"

const [kernel, ...reserves] = process.argv.slice(2)
const pool = "/sys/kernel/mm/hugepages/hugepages-2048kB"
const free = () => Number(readFileSync(`${pool}/free_hugepages`, "utf8"))

const spec = {
  kernel: { image: kernel, vmlinux: kernel },
  initramfs: [],
  cmdline: [],
  topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 }),
  memoryMb: 64,
  clock: "auto",
  performance: { hugePages: true, hostNodes: [0], realtimeHint: true, idleInGuest: true }
}

/** Free pages while the guest has said hello. */
const runMachine = (warnings) => {
  const logger = Logger.make(({ message }) => {
    warnings.push(String(message))
  })
  return Effect.flatMap(Vmm, (vmm) => vmm.boot(spec)).pipe(
    Effect.tap((vm) => Stream.runHead(Stream.filter(vm.console, (line) => line === "hello"))),
    Effect.map(free),
    Effect.scoped,
    Effect.provide(layerNativeVmm()),
    Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    Effect.runPromise
  )
}

const results = []
for (const pages of reserves) {
  writeFileSync(`${pool}/nr_hugepages`, pages)
  const before = free()
  const warnings = []
  const during = await runMachine(warnings)
  results.push({ before, during, after: free(), warnings })
}
console.log(JSON.stringify(results))
