/**
 * Checks clear-signed texts with gpgv against a keyring of the user.
 *
 * @since 0.2.0
 */
import { Command, CommandExecutor, FileSystem, Path } from "@effect/platform"
import { ownTemporaryPrefix } from "@ktstr/core/host"
import { KernelError } from "@ktstr/core/kernel"
import { Effect, Fiber, Stream } from "effect"

const failed = (reason: KernelError["reason"], message: string, cause?: unknown) =>
  new KernelError({ reason, message, cause })

const armor = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g

/** gpgv reads only binary keyrings; `gpg --export --armor` and web pages provide armored ones. */
const withoutArmor = (keyring: Uint8Array): Uint8Array => {
  const blocks = [...Buffer.from(keyring).toString("latin1").matchAll(armor)]
  if (blocks.length === 0) return keyring
  return Buffer.concat(
    blocks.map(([, block = ""]) => {
      // Headers end with an empty line, and a checksum line (=abcd) follows the data.
      const body = block.replace(/^[\s\S]*?\r?\n?\r?\n(?=[A-Za-z0-9+/])/, "").replace(/^=.*$/m, "")
      return Buffer.from(body, "base64")
    })
  )
}

/** Describes the objections to a signature in gpgv's status lines. */
const objections: ReadonlyArray<readonly [RegExp, string]> = [
  [/^\[GNUPG:\] BADSIG /m, "the signature is bad: the text was changed after it was signed"],
  [/^\[GNUPG:\] EXPKEYSIG /m, "the key that signed it has expired"],
  [/^\[GNUPG:\] EXPSIG /m, "the signature has expired"],
  [/^\[GNUPG:\] REVKEYSIG /m, "the key that signed it was revoked"],
  [/^\[GNUPG:\] NO_PUBKEY /m, "it was signed with a key that is not in the keyring"],
  [/^\[GNUPG:\] NODATA /m, "it has no signature"]
]

/**
 * Returns the signed part of a clear-signed text. Fails with `Named` for a keyring that can't be read, with `Unsupported` if gpgv is missing, and with
 * `Fetch` if the signature is missing, bad, expired or made by another key. `name` is the text's name in messages.
 *
 * @since 0.2.0
 * @category constructors
 */
export const verifyClearSigned: (
  name: string,
  text: string,
  keyring: string
) => Effect.Effect<string, KernelError, FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor> =
  Effect.fn("ClearSignature.verify")(function* (name: string, text: string, keyring: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const executor = yield* CommandExecutor.CommandExecutor
    const keys = yield* Effect.mapError(fs.readFile(keyring), (cause) =>
      failed("Named", `the keyring ${keyring} (KTSTR_KERNEL_ORG_KEYRING) cannot be read: ${cause.message}`, cause)
    )
    const onDisk = (cause: { readonly message: string }) =>
      failed("Fetch", `no temporary folder to check the signature of ${name} in (set TMPDIR): ${cause.message}`, cause)
    return yield* Effect.gen(function* () {
      const folder = yield* fs
        .makeTempDirectoryScoped({ prefix: `${yield* ownTemporaryPrefix()}signature-` })
        .pipe(Effect.mapError(onDisk))
      const file = (part: string) => path.join(folder, part)
      yield* Effect.zipRight(
        fs.writeFile(file("keys.gpg"), withoutArmor(keys)),
        fs.writeFileString(file("text.asc"), text)
      ).pipe(Effect.mapError(onDisk))
      const command = Command.make(
        "gpgv",
        "--homedir",
        folder,
        "--status-fd=1",
        "--keyring",
        file("keys.gpg"),
        "--output",
        file("text"),
        file("text.asc")
      )
      const run = Effect.gen(function* () {
        const gpgv = yield* executor.start(Command.env(command, { LC_ALL: "C" }))
        const stderr = yield* Effect.fork(Stream.runFold(Stream.decodeText(gpgv.stderr), "", (all, part) => all + part))
        const stdout = yield* Stream.runFold(Stream.decodeText(gpgv.stdout), "", (all, part) => all + part)
        return { status: stdout, stderr: yield* Fiber.join(stderr), code: Number(yield* gpgv.exitCode) }
      })
      const { status, stderr, code } = yield* Effect.mapError(run, (cause) =>
        failed(
          "Unsupported",
          `checking the signature of ${name} needs gpgv: apt-get install gpgv (or unset KTSTR_KERNEL_ORG_KEYRING)`,
          cause
        )
      )
      const objection = objections.find(([pattern]) => pattern.test(status))?.[1]
      if (code !== 0 || objection !== undefined || !/^\[GNUPG:\] GOODSIG /m.test(status)) {
        const why = objection ?? (stderr.trim().split("\n").at(-1) || `gpgv ended with ${code}`)
        return yield* failed("Fetch", `${name} is refused, checked with the keyring ${keyring}: ${why}`)
      }
      return yield* Effect.mapError(fs.readFileString(file("text")), onDisk)
    }).pipe(Effect.scoped)
  })
