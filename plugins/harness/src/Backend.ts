/**
 * Which machine runs a guest.
 *
 * @since 0.1.0
 */

import { type RegisterError, runtime } from "@ktstr/core/base"
import {
  type Backend,
  type BackendOptions,
  Backends,
  KvmProbe,
  openBackend,
  type UnknownBackend,
  Vmm,
  VmmError,
  type VmSpec
} from "@ktstr/core/machine"
import { makeNativeVmm, qemuPlugin } from "@ktstr/native"
import { make as makeQemuVmm } from "@ktstr/vmm-qemu"
import { Effect, Layer } from "effect"

/** The native machine. If requested by name, it is refused where the pre-flight check finds KVM unusable. */
const makeNative: Effect.Effect<Vmm["Type"], never, KvmProbe> = Effect.gen(function* () {
  const probe = yield* KvmProbe
  // Loaded when the first machine boots: the other backends don't need it.
  const native = yield* Effect.cached(makeNativeVmm())
  return {
    boot: Effect.fn("Backend.boot")(function* (spec: VmSpec) {
      const verdict = yield* probe.verdict
      if (!verdict.usable) return yield* new VmmError({ reason: "KvmUnusable", message: verdict.refusal })
      return yield* (yield* native).boot(spec)
    })
  }
})

const qemuOptions = ({ fork }: BackendOptions) => ({ fork, plugin: qemuPlugin() })

/** The addon is tested on Node only; on another runtime it has to be requested. */
const onNode = runtime === "node"

/** A deterministic clock counts instructions, which only emulation can do; a host without usable KVM needs emulation too. */
const makeAuto = (options: BackendOptions) =>
  Effect.gen(function* () {
    const probe = yield* KvmProbe
    const native = yield* makeNative
    const qemu = yield* makeQemuVmm(qemuOptions(options))
    return {
      boot: Effect.fn("Backend.boot")(function* (spec: VmSpec) {
        const emulated = !onNode || spec.clock === "deterministic" || !(yield* probe.verdict).usable
        return yield* (emulated ? qemu : native).boot(spec)
      })
    }
  })

const makeQemu = (accel: "auto" | "kvm" | "tcg") => (options: BackendOptions) =>
  makeQemuVmm({ accel, ...qemuOptions(options) })

const builtin: ReadonlyArray<Backend> = [
  {
    name: "auto",
    description: "native if KVM works, otherwise emulation; a deterministic clock always takes emulation",
    countsInstructions: true,
    make: makeAuto
  },
  { name: "native", description: "ktstr's own virtual machine monitor, under KVM", make: () => makeNative },
  {
    name: "qemu",
    description: "qemu: under KVM if it works, otherwise emulated",
    countsInstructions: true,
    make: makeQemu("auto")
  },
  { name: "qemu-kvm", description: "qemu under KVM", make: makeQemu("kvm") },
  { name: "qemu-tcg", description: "qemu, emulated", countsInstructions: true, make: makeQemu("tcg") }
]

/**
 * Registers the backends that ktstr brings.
 *
 * @since 0.2.0
 * @category layers
 */
export const layerBuiltinBackends: Layer.Layer<never, RegisterError, Backends> = Layer.effectDiscard(
  Effect.flatMap(Backends, ({ register }) => Effect.forEach(builtin, register, { discard: true }))
)

/**
 * Provides the machines of a registered backend.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBackend = (
  name = "auto",
  options: BackendOptions = {}
): Layer.Layer<Vmm, UnknownBackend | VmmError, Backends | KvmProbe> =>
  Layer.scoped(
    Vmm,
    Effect.gen(function* () {
      const backends = yield* Backends
      return yield* openBackend(yield* backends.get(name), options)
    })
  )
