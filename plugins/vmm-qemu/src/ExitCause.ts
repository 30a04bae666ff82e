/**
 * How a machine ended, from what qemu said.
 *
 * @since 0.1.0
 */
import type { SeenEnd } from "@ktstr/core/machine"

/**
 * What is known when qemu is gone.
 *
 * @since 0.1.0
 * @category models
 */
export interface ExitEvidence {
  /** `reason` of the first SHUTDOWN event (qemu, qapi/run-state.json: ShutdownCause), if there was one. */
  readonly shutdown?: string | undefined
  /** Registers of all vCPUs when the machine reset. */
  readonly registers: string
  readonly code: number | null
  readonly signal: string | null
  /** Last line of qemu's standard error. */
  readonly stderr: string
}

/**
 * Returns how the machine ended.
 *
 * @since 0.1.0
 * @category conversions
 */
export const seenEnd = ({ code, registers, shutdown, stderr }: ExitEvidence): SeenEnd => {
  if (shutdown === "guest-panic") return { _tag: "Panicked" }
  if (shutdown === "guest-shutdown") return { _tag: "PowerOff" }
  if (shutdown === "guest-reset") return { _tag: "UnexplainedReset", registers }
  if (shutdown === "host-error" || (code !== null && code !== 0)) {
    return { _tag: "VcpuError", message: stderr === "" ? `qemu exited with code ${code} and said nothing` : stderr }
  }
  return { _tag: "Killed" }
}
