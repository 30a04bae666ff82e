/**
 * Why there is no kernel to boot.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * Why there is no kernel; each reason has an exit code.
 *
 * @since 0.1.0
 * @category errors
 */
export type KernelErrorReason =
  | "NotFound" // no kernel was found anywhere; the message has hints; exit 69
  | "Named" // what the user named does not exist or is not a kernel; exit 64
  | "Fetch" // a download or its verification failed; exit 69
  | "Cache" // the cache directory is unusable (HOME unset, read-only, full); exit 69
  | "Build" // a kernel could not be built from its source; exit 69
  | "Unsupported" // not a Debian/Ubuntu machine, or the wrong architecture; exit 69

/**
 * No kernel could be resolved, fetched, built or stored. The message says why and how to fix it.
 *
 * @since 0.1.0
 * @category errors
 */
export class KernelError extends Data.TaggedError("KernelError")<{
  readonly reason: KernelErrorReason
  readonly message: string
  readonly cause?: unknown
}> {}
