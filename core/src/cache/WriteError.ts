/**
 * Explains in one line why a cache directory can't be used, and how to fix it.
 *
 * @since 0.1.0
 */
import { CacheError } from "./Error.ts"

const reasons: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bENOSPC\b|\bEDQUOT\b/, "is full"],
  [/\bEROFS\b/, "is on a read-only file system"],
  [/\bEACCES\b|\bEPERM\b|PermissionDenied/, "is not accessible to this user"],
  [/\bENOTDIR\b|\bEEXIST\b|AlreadyExists/, "is not a directory"]
]

/**
 * Makes the error for a failed operation on a cache directory.
 *
 * @since 0.1.0
 * @category errors
 */
export const cacheWriteError = (
  operation: "read" | "write",
  directory: string,
  cause: { readonly message: string }
): CacheError => {
  const text = `${cause.message} ${String((cause as { readonly cause?: unknown }).cause ?? "")}`
  const why =
    reasons.find(([pattern]) => pattern.test(text))?.[1] ??
    `cannot be ${operation === "read" ? "read" : "written"} (${cause.message})`
  const cure = why === "is full" ? "free some space there or set KTSTR_CACHE_DIR" : "set KTSTR_CACHE_DIR"
  return new CacheError({
    message: `cache directory ${directory} ${why}: ${cure} to ${operation === "read" ? "another" : "a writable"} directory`,
    cause
  })
}
