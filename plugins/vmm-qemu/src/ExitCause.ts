/**
 * Why a machine ended, from what qemu and the kernel's console said.
 *
 * @since 0.1.0
 */
import type { VmExit } from "@ktstr/core/machine"

/**
 * What is known when qemu is gone.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExitEvidence {
  /** `reason` of the first SHUTDOWN event (qemu, qapi/run-state.json: ShutdownCause), if there was one. */
  readonly shutdown?: string | undefined
  /** Message of the kernel's panic, if the console showed one. */
  readonly panic?: string | undefined
  /** Whether the console showed the kernel's own line of an orderly restart. */
  readonly restarting: boolean
  /** Registers of all vCPUs when the machine reset. */
  readonly registers: string
  readonly code: number | null
  readonly signal: string | null
  /** Last line of qemu's standard error. */
  readonly stderr: string
}

/**
 * Judges the evidence. A reset that neither a panic nor an orderly restart explains is a triple fault.
 *
 * @since 0.1.0
 * @category conversions
 */
export const vmExit = (evidence: ExitEvidence): VmExit => {
  const { panic, shutdown } = evidence
  if (shutdown === "guest-panic" || panic !== undefined) return { _tag: "Panic", message: panic ?? "unknown" }
  if (shutdown === "guest-shutdown") return { _tag: "PowerOff" }
  if (shutdown === "guest-reset") {
    return evidence.restarting ? { _tag: "Reset" } : { _tag: "TripleFault", registers: evidence.registers }
  }
  if (shutdown === "host-error" || (evidence.code !== null && evidence.code !== 0)) {
    return {
      _tag: "VcpuError",
      message: evidence.stderr === "" ? `qemu exited with code ${evidence.code} and said nothing` : evidence.stderr
    }
  }
  return { _tag: "Killed" }
}
