/**
 * Which machine and clock produced a number.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * `kvm`: ktstr's own VMM under KVM; `qemu-kvm`: qemu under KVM; `emulated`: qemu interpreting or translating every instruction; `deterministic`:
 * emulation that counts instructions (virtual time); `host`: no VM, directly on this host.
 *
 * @since 0.1.0
 * @category models
 */
export const ClockMode: Schema.Literal<["kvm", "qemu-kvm", "emulated", "deterministic", "host"]> = Schema.Literal(
  "kvm",
  "qemu-kvm",
  "emulated",
  "deterministic",
  "host"
)

/**
 * One of the clock modes listed in the schema.
 *
 * @since 0.1.0
 * @category models
 */
export type ClockMode = typeof ClockMode.Type
