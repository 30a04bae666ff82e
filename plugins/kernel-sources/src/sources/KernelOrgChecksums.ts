/**
 * Reads the signed list of checksums beside kernel.org's tarballs.
 *
 * @since 0.2.0
 */
import type { CommandExecutor, FileSystem, HttpClient, Path } from "@effect/platform"
import { describeText } from "@ktstr/core/image"
import { KernelError } from "@ktstr/core/kernel"
import { Config, Effect, Option } from "effect"
import { downloadText } from "../http/index.ts"
import { verifyClearSigned } from "./ClearSignature.ts"
import { tarballDirectoryUrl } from "./KernelOrgAddresses.ts"
import { parseChecksums } from "./KernelOrgIndex.ts"

/**
 * A list of checksums, and whether its signature was checked.
 *
 * @since 0.2.0
 * @category models
 */
export interface KernelOrgChecksums {
  readonly url: string
  /** SHA-256 in hex, by file name. */
  readonly sums: ReadonlyMap<string, string>
  readonly verified: boolean
}

/**
 * Returns the list of the folder that contains a version's tarball; empty if there is no such folder. With `KTSTR_KERNEL_ORG_KEYRING`, a file with
 * kernel.org's public key, only lists signed by that key count.
 *
 * @since 0.2.0
 * @category constructors
 */
export const readChecksums: (
  version: string
) => Effect.Effect<
  KernelOrgChecksums,
  KernelError,
  HttpClient.HttpClient | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.fn("KernelOrgChecksums.read")(function* (version: string) {
  const failed = (message: string, cause?: unknown) => new KernelError({ reason: "Fetch", message, cause })
  const url = `${yield* tarballDirectoryUrl(version)}/sha256sums.asc`
  const text = yield* downloadText(url).pipe(
    Effect.asSome,
    Effect.catchIf(
      ({ status }) => status === 404,
      () => Effect.succeedNone
    ),
    Effect.mapError((cause) => failed(`fetch ${url}: ${cause.message}`, cause))
  )
  if (Option.isNone(text)) return { url, sums: new Map(), verified: false }
  const keyring = yield* Effect.option(Config.nonEmptyString("KTSTR_KERNEL_ORG_KEYRING"))
  const listed = Option.isSome(keyring) ? yield* verifyClearSigned(url, text.value, keyring.value) : text.value
  const sums = parseChecksums(listed)
  if (sums.size === 0) return yield* failed(`fetch ${url}: not a list of checksums: ${describeText(text.value)}`)
  return { url, sums, verified: Option.isSome(keyring) }
})

/**
 * Warns that only the connection vouches for the download.
 *
 * @since 0.2.0
 * @category constructors
 */
export const warnUnverified = (name: string, { url, verified }: KernelOrgChecksums): Effect.Effect<void> =>
  verified
    ? Effect.void
    : Effect.logWarning(
        `${name}: the signature of ${url} was not verified, as no Debian package has kernel.org's key; give the key in a file with KTSTR_KERNEL_ORG_KEYRING`
      )

/**
 * The same for a tarball that no list contains.
 *
 * @since 0.2.0
 * @category constructors
 */
export const warnUnlisted = (name: string, url: string): Effect.Effect<void> =>
  Effect.logWarning(
    `${name} has neither checksum nor signature, as the git server packs it for each request: only the connection to ${new URL(url).host} vouches for it`
  )
