// One process: milliseconds from asking the native backend for a machine with 64 vCPUs until its vCPUs run, and that again, as JSON.
// node --expose-gc nativeSetup.mjs VMLINUX [touched]: with host memory that was in use just before
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { NodeContext } from "@effect/platform-node"
import { Topology } from "@ktstr/core"
import { packBase } from "@ktstr/core/image"
import { AgentBinary } from "@ktstr/core/machine"
import { layerAgentBinary, makeNativeVmm } from "@ktstr/native"
import { Effect, Either } from "effect"

const [kernel, memory] = process.argv.slice(2)
const scratch = mkdtempSync(join(tmpdir(), "ktstr-bench-"))
const pack = Effect.gen(function* () {
  const agent = yield* Effect.flatMap(AgentBinary, (binary) => binary.path)
  return (yield* packBase({ agent, scratch })).path
}).pipe(Effect.provide(layerAgentBinary), Effect.provide(NodeContext.layer))
try {
  const spec = {
    kernel: { image: kernel, vmlinux: kernel },
    initramfs: [await Effect.runPromise(pack)],
    cmdline: [],
    topology: Either.getOrThrow(Topology.parse("1n4l8c2t")),
    memoryMb: 1024,
    clock: "auto"
  }
  const vmm = await Effect.runPromise(makeNativeVmm())
  const setup = Effect.gen(function* () {
    const began = performance.now()
    const cpu = process.cpuUsage()
    yield* vmm.boot(spec)
    const { user, system } = process.cpuUsage(cpu)
    return { ms: performance.now() - began, cpuMs: (user + system) / 1000 }
  }).pipe(Effect.scoped)
  if (memory === "touched") {
    execFileSync(process.execPath, [fileURLToPath(new URL("touchMemory.mjs", import.meta.url))])
  }
  // What loading the modules left behind is no machine's cost, whenever the collector comes to it.
  globalThis.gc()
  const first = await Effect.runPromise(setup)
  const again = []
  for (let i = 0; i < 4; i++) again.push(await Effect.runPromise(setup))
  process.stdout.write(JSON.stringify({ first, again }))
} finally {
  rmSync(scratch, { recursive: true })
}
