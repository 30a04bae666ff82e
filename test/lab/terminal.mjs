// A Linux guest on the native backend whose init talks over its virtio console. argv: vmlinux, busybox, then the modules it needs.
// Prints what the guest said there, or the kernel's log.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { Topology } from "@ktstr/core"
import { encodeCpio } from "@ktstr/core/image"
import { readKernelLog } from "@ktstr/core/session"
import { makeNativeVmm } from "@ktstr/native"
import { Deferred, Effect, Stream } from "effect"

const [kernel, busybox, ...modules] = process.argv.slice(2)
const init = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
${modules.map((module) => `insmod /${basename(module)}`).join("\n")}
exec <>/dev/hvc0 >&0 2>&1
stty raw -echo
echo ready
read -r line
echo "got $line"
stty size
poweroff -f
`
const file = (path, data, permissions = 0o755) => ({ _tag: "File", path, permissions, data })
const initramfs = encodeCpio([
  ...["bin", "dev"].map((path) => ({ _tag: "Directory", path, permissions: 0o755 })),
  file("bin/busybox", readFileSync(busybox)),
  ...modules.map((module) => file(basename(module), readFileSync(module))),
  file("init", Buffer.from(init))
])
const directory = mkdtempSync(join(tmpdir(), "test-terminal-"))
writeFileSync(join(directory, "initramfs"), initramfs)
const spec = {
  kernel: { image: kernel, vmlinux: kernel },
  initramfs: [join(directory, "initramfs")],
  cmdline: ["noxsave"],
  topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 }),
  memoryMb: 512,
  clock: "auto"
}
const talk = Effect.gen(function* () {
  const vm = yield* (yield* makeNativeVmm({ terminal: true })).boot(spec)
  yield* vm.terminal.resize(101, 37)
  let said = ""
  yield* Stream.runForEach(Stream.decodeText(vm.terminal.incoming), (text) =>
    Effect.gen(function* () {
      const ready = said.includes("ready")
      said += text
      if (!ready && said.includes("ready")) yield* vm.terminal.send(new TextEncoder().encode("hello guest\n"))
    })
  )
  if (said !== "") return said
  const exit = yield* Deferred.await(vm.exit)
  return `nothing was said; ${JSON.stringify(exit)}\n${(yield* readKernelLog(vm.memory)).slice(-30).join("\n")}\n`
})
process.stdout.write(await Effect.runPromise(Effect.scoped(talk)))
rmSync(directory, { recursive: true })
