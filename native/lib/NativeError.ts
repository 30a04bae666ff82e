/**
 * Converts the addon's errors to those of the service.
 *
 * @since 0.1.0
 */
import { KvmVerdict, VmmError } from "@ktstr/core/machine"

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

/**
 * Converts an error that the addon threw while it created a machine. A missing device and missing permission have the
 * wording of the pre-flight check.
 *
 * @since 0.1.0
 * @category conversions
 */
export const nativeError = (cause: unknown): VmmError => {
  const message = messageOf(cause)
  switch (codeOf(cause)) {
    case "Absent":
      return new VmmError({
        reason: "KvmUnusable",
        message: KvmVerdict.make({ verdict: "absent", reason: message }).message,
        cause
      })
    case "Denied":
      return new VmmError({
        reason: "KvmUnusable",
        message: KvmVerdict.make({ verdict: "denied", reason: message }).message,
        cause
      })
    case "OutOfMemory":
      return new VmmError({ reason: "OutOfMemory", message: `${message}; ask for less guest memory`, cause })
    case "Unsupported":
      return new VmmError({
        reason: "KvmUnusable",
        message: `${message}: this KVM can't run the native backend; use --vmm qemu`,
        cause
      })
    case "Invalid":
      return new VmmError({ reason: "BadSpec", message, cause })
    default:
      return new VmmError({ reason: "Io", message: `the native backend failed: ${message}`, cause })
  }
}
