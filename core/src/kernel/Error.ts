/**
 * Why there is no kernel to boot.
 *
 * @since 0.1.0
 */
import { Data } from "effect"

/**
 * @since 0.1.0
 * @category errors
 */
export type KernelErrorReason =
  | "NotFound" // nothing found: the seed's message with its hints; exit 69
  | "Named" // what the user named does not exist or is no kernel; exit 64
  | "Fetch" // download or verification failed; exit 69
  | "Cache" // cache directory unusable (HOME unset, read-only, full); exit 69
  | "Build" // a kernel could not be built from its source; exit 69
  | "Unsupported" // not a Debian/Ubuntu machine, wrong architecture; exit 69

/**
 * @since 0.1.0
 * @category errors
 */
export class KernelError extends Data.TaggedError("KernelError")<{
  readonly reason: KernelErrorReason
  readonly message: string
  readonly cause?: unknown
}> {}
