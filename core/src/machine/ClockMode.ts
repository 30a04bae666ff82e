/**
 * Which machine and clock produced a number.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * `kvm`: our own machine under KVM; `qemu-kvm`: qemu under KVM; `emulated`: qemu interpreting or translating every
 * instruction; `deterministic`: emulation that counts instructions (virtual time); `host`: no machine, this host.
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
 * @since 0.1.0
 * @category models
 */
export type ClockMode = typeof ClockMode.Type
