import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { afterAll, beforeAll } from "vitest"
import { openAptArchive } from "../src/sources/AptArchive.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-apt-signature-"))
const home = join(scratch, "signer")
const keyring = join(scratch, "archive.gpg")

const gpg = (args: ReadonlyArray<string>, input = "") =>
  execFileSync(
    "gpg",
    ["--homedir", home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", ...args],
    { input, stdio: ["pipe", "pipe", "pipe"] }
  )

beforeAll(() => {
  mkdirSync(home, { mode: 0o700 })
  gpg(["--quick-generate-key", "archive <archive@example.org>", "rsa3072", "sign", "never"])
  writeFileSync(keyring, gpg(["--export"]))
}, 60_000)
afterAll(() => {
  execFileSync("gpgconf", ["--homedir", home, "--kill", "gpg-agent"])
  rmSync(scratch, { recursive: true, force: true })
})

const packages = `Package: linux-image-6.12.1-amd64
Version: 6.12.1-1
Architecture: amd64
Filename: pool/linux-image-6.12.1-amd64_6.12.1-1_amd64.deb
Size: 4
SHA256: ${"ab".repeat(32)}

`

/** An archive in a folder, and the configuration of a machine whose apt takes everything from it, signed or not. */
const archive = (how: "signed" | "unsigned" | "changed") => {
  const root = mkdtempSync(join(scratch, "archive-"))
  const suite = join(root, "dists/bookworm")
  mkdirSync(join(suite, "main/binary-amd64"), { recursive: true })
  const hash = createHash("sha256").update(packages).digest("hex")
  const release = [
    "Origin: Debian",
    "Label: Debian",
    "Suite: oldstable",
    "Codename: bookworm",
    `Date: ${new Date().toUTCString().replace("GMT", "UTC")}`,
    "Architectures: amd64",
    "Components: main",
    "SHA256:",
    ` ${hash} ${packages.length} main/binary-amd64/Packages`,
    ""
  ].join("\n")
  writeFileSync(join(suite, "main/binary-amd64/Packages"), packages)
  if (how === "unsigned") writeFileSync(join(suite, "Release"), release)
  else {
    const signed = gpg(["--clearsign"], release).toString()
    writeFileSync(join(suite, "InRelease"), how === "changed" ? signed.replace("Label: Debian", "Label: Evil") : signed)
  }
  writeFileSync(join(root, "sources.list"), `deb [trusted=yes] file://${root} bookworm main\n`)
  mkdirSync(join(root, "lists/partial"), { recursive: true })
  writeFileSync(
    join(root, "apt.conf"),
    [
      `Dir::Etc::sourcelist "${root}/sources.list";`,
      `Dir::Etc::sourceparts "/dev/null";`,
      `Dir::State::lists "${root}/lists";`,
      `Acquire::AllowInsecureRepositories "true";`,
      `Acquire::AllowWeakRepositories "true";`,
      `APT::Get::AllowUnauthenticated "true";`
    ].join("\n")
  )
  return join(root, "apt.conf")
}

const kernelsOf = (configuration: string, keyrings: ReadonlyArray<string> = [keyring]) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.env.APT_CONFIG
      process.env.APT_CONFIG = configuration
      return before
    }),
    () =>
      openAptArchive({ origin: "Debian", codename: "bookworm", rolling: false, keyrings }).pipe(
        Effect.flatMap((opened) => opened.kernels("bookworm")),
        Effect.scoped,
        Effect.provide(NodeContext.layer)
      ),
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env.APT_CONFIG
        else process.env.APT_CONFIG = before
      })
  )

describe("the signature of the distribution's archive", () => {
  it.live("is checked: kernels of a signed archive are listed", () =>
    Effect.gen(function* () {
      const found = yield* kernelsOf(archive("signed"))
      expect(found.map(({ name }) => name)).toEqual(["linux-image-6.12.1-amd64"])
    })
  )

  it.live("an archive that is not signed, or was changed, is refused even where apt would take it", () =>
    Effect.gen(function* () {
      for (const how of ["unsigned", "changed"] as const) {
        const error = yield* Effect.flip(kernelsOf(archive(how)))
        expect(error.reason).toBe("Fetch")
        expect(error.message).not.toContain("\n")
        expect(error.message).toContain(
          `ktstr takes kernels only from an archive whose signature verifies with the keyring ${keyring}`
        )
      }
    })
  )

  it.live("an archive of another key is refused", () =>
    Effect.gen(function* () {
      const debian = "/usr/share/keyrings/debian-archive-keyring.gpg"
      const error = yield* Effect.flip(kernelsOf(archive("signed"), existsSync(debian) ? [debian] : []))
      expect(error.message).toMatch(/ktstr takes kernels only from an archive whose signature verifies with/)
    })
  )
})
