import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "@effect/vitest"
import { Topology } from "@ktstr/core"
import { KvmProbe, KvmVerdict, type Vm, Vmm, type VmSpec } from "@ktstr/core/machine"
import { layerQemu } from "@ktstr/vmm-qemu"
import { Deferred, Effect, Layer, Logger } from "effect"
import { writeTinyGuest } from "../../../core/test/vmm/tinyGuest.ts"
import { machinesOf } from "./traces.ts"

const scratch = mkdtempSync(join(tmpdir(), "ktstr-sandbox-test-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const kernel = join(scratch, "guest.elf")
writeTinyGuest(kernel, "poweroff", "hello\n")
const spec: VmSpec = {
  kernel: { image: kernel, vmlinux: kernel },
  initramfs: [],
  cmdline: [],
  topology: Topology.unsafeMake({ numaNodes: 1, llcs: 1, coresPerLlc: 1, threadsPerCore: 1 }),
  memoryMb: 64,
  clock: "auto"
}

const layer = (binary?: string): Layer.Layer<Vmm> =>
  Layer.provide(
    layerQemu({ accel: "tcg", binary }),
    Layer.succeed(KvmProbe, {
      verdict: Effect.succeed(KvmVerdict.make({ verdict: "wrong", reason: "as the test says" }))
    })
  )

/** A qemu that was built without seccomp says this and ends; without the option it is the real one. */
const withoutSeccomp = () => {
  const program = join(scratch, "qemu-without-seccomp")
  const log = join(scratch, "starts")
  writeFileSync(
    program,
    `#!/bin/sh
[ "$1" = --version ] || echo "$*" >> ${log}
case " $* " in *" -sandbox "*)
  echo "qemu-system-x86_64: -sandbox on: -sandbox support is not enabled in this QEMU binary" >&2; exit 1
esac
exec qemu-system-x86_64 "$@"
`
  )
  chmodSync(program, 0o755)
  const starts = () =>
    readFileSync(log, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.includes("-sandbox "))
  return { program, starts }
}

/** Tells the guest to power off until it does: its firmware drops what comes before it has initialised the port. */
const quit = (vm: Vm) => {
  const tell = Effect.ignore(vm.channel.send(new TextEncoder().encode("Q")))
  return Effect.race(Deferred.await(vm.exit), Effect.forever(Effect.zipRight(tell, Effect.sleep("50 millis"))))
}

describe("qemu's sandbox", () => {
  it.scopedLive("is on in every thread of a machine", () =>
    Effect.gen(function* () {
      const vmm = yield* Vmm
      const vm = yield* vmm.boot(spec)
      const [pid] = machinesOf(process.pid)
      const modes = readdirSync(`/proc/${pid}/task`).map(
        (task) => /^Seccomp:\s+(\d)$/m.exec(readFileSync(`/proc/${pid}/task/${task}/status`, "utf8"))?.[1]
      )
      expect(modes.length).toBeGreaterThan(1)
      expect([...new Set(modes)]).toEqual(["2"])
      expect(yield* quit(vm)).toEqual({ _tag: "PowerOff" })
    }).pipe(Effect.provide(layer()))
  )

  it.scopedLive("is left out where a qemu has none, which is said once and tried once", () =>
    Effect.gen(function* () {
      const { program, starts } = withoutSeccomp()
      const warnings: Array<string> = []
      const logger = Logger.make(({ message }) => void warnings.push(String(message)))
      const body = Effect.gen(function* () {
        const vmm = yield* Vmm
        for (const _ of [1, 2]) {
          const vm = yield* vmm.boot(spec)
          expect(yield* quit(vm)).toEqual({ _tag: "PowerOff" })
        }
      })
      yield* body.pipe(Effect.provide(layer(program)), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(starts()).toEqual([true, false, false])
      expect(warnings).toEqual([expect.stringMatching(/sandbox.*; qemu runs without its sandbox$/)])
    })
  )
})
