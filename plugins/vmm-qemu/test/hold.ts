// A host that boots a machine and then waits to be killed. argv: the kernel.

import { Topology } from "@ktstr/core"
import { KvmProbe, KvmVerdict, Vmm } from "@ktstr/core/machine"
import { layer } from "@ktstr/vmm-qemu"
import { Effect, Layer } from "effect"

const kernel = process.argv[2]!
const noKvm = Layer.succeed(KvmProbe, {
  verdict: Effect.succeed(KvmVerdict.make({ verdict: "absent", reason: "not asked for" }))
})

Effect.flatMap(Vmm, (vmm) =>
  vmm.boot({
    kernel: { image: kernel, vmlinux: kernel },
    initramfs: [],
    cmdline: [],
    topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 }),
    memoryMb: 64,
    clock: "deterministic"
  })
).pipe(
  Effect.zipRight(Effect.sync(() => process.stdout.write("running\n"))),
  Effect.zipRight(Effect.never),
  Effect.scoped,
  Effect.provide(Layer.provide(layer, noKvm)),
  Effect.runPromise
)
