/**
 * Which machine runs a guest.
 *
 * @since 0.1.0
 */

import { runtime } from "@ktstr/core/base"
import { KvmProbe, Vmm, VmmError, type VmSpec } from "@ktstr/core/machine"
import { forkPlugin, makeNativeVmm } from "@ktstr/native"
import { layerQemu, make as makeQemuVmm } from "@ktstr/vmm-qemu"
import { Effect, Layer } from "effect"

/**
 * The backends that a user can choose.
 *
 * @since 0.1.0
 * @category constants
 */
export const backendNames = ["auto", "native", "qemu", "qemu-kvm", "qemu-tcg"] as const

/**
 * `auto`: `native` on Node where the pre-flight finds KVM usable, else emulation; `qemu` likewise with `qemu-kvm`, on every runtime.
 *
 * @since 0.1.0
 * @category models
 */
export type BackendName = (typeof backendNames)[number]

const accelOf = { qemu: "auto", "qemu-kvm": "kvm", "qemu-tcg": "tcg" } as const

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

/**
 * @since 0.2.0
 * @category models
 */
export interface BackendOptions {
  /** Deterministic machines that differ only in their plan share a boot. Worth it for more than one run. Default false. */
  readonly fork?: boolean | undefined
}

const qemuOptions = ({ fork = false }: BackendOptions) => (fork ? { forkPlugin: forkPlugin() } : {})

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

/**
 * @since 0.1.0
 * @category layers
 */
export const layerBackend = (
  backend: BackendName = "auto",
  options: BackendOptions = {}
): Layer.Layer<Vmm, never, KvmProbe> => {
  if (backend === "auto") return Layer.scoped(Vmm, makeAuto(options))
  if (backend === "native") return Layer.effect(Vmm, makeNative)
  return layerQemu({ accel: accelOf[backend], ...qemuOptions(options) })
}
