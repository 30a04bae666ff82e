import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { exitCodeOfError } from "@ktstr/core/report"
import { Effect } from "effect"
import { afterAll, beforeAll } from "vitest"
import { downloadTarball, resolveReleases } from "../src/sources/KernelOrg.ts"
import { against, withWarnings } from "./kernelOrgBed.ts"
import { file, index, serve, tarball, text } from "./kernelOrgServer.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-signature-"))
const name = "linux-7.3.11.tar.xz"
const directory = "/pub/linux/kernel/v7.x"
const list = `${createHash("sha256").update(tarball).digest("hex")}  ${name}\n`

/** Keys made for the test: no user's keyring is touched. */
const gpg = (home: string, args: ReadonlyArray<string>, input = "") =>
  execFileSync(
    "gpg",
    ["--homedir", home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", ...args],
    { input, stdio: ["pipe", "pipe", "pipe"] }
  )

const makeKey = (who: string) => {
  const home = join(scratch, who)
  mkdirSync(home, { mode: 0o700 })
  gpg(home, ["--quick-generate-key", `${who} <${who}@example.org>`, "ed25519", "sign", "never"])
  const keyring = join(scratch, `${who}.gpg`)
  writeFileSync(keyring, gpg(home, ["--export"]))
  const armored = join(scratch, `${who}.asc`)
  writeFileSync(armored, gpg(home, ["--armor", "--export"]))
  const sign = (body: string) => gpg(home, ["--clearsign"], body).toString()
  return { keyring, armored, sign, home }
}

let signer: ReturnType<typeof makeKey>
let stranger: ReturnType<typeof makeKey>
beforeAll(() => {
  signer = makeKey("autosigner")
  stranger = makeKey("stranger")
}, 60_000)
afterAll(() => {
  for (const { home } of [signer, stranger]) execFileSync("gpgconf", ["--homedir", home, "--kill", "gpg-agent"])
  rmSync(scratch, { recursive: true, force: true })
})

const download = (sums: string, variables: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const { base } = yield* serve({
      "/releases.json": text(index),
      [`${directory}/sha256sums.asc`]: text(sums),
      [`${directory}/${name}`]: file()
    })
    const fetched = against(
      base,
      (folder) =>
        Effect.map(Effect.either(downloadTarball("7.3.11", folder, () => Effect.void)), (result) => {
          if (result._tag === "Right") expect(readFileSync(result.right).equals(tarball)).toBe(true)
          // Nothing that was refused stays, and no folder of gpgv.
          if (result._tag === "Left") expect(readdirSync(folder)).toEqual([])
          return result
        }),
      variables
    )
    return yield* withWarnings(fetched)
  })

describe("the signature of kernel.org's checksums", () => {
  it.scopedLive("is checked with a keyring, armored or not, and nothing is said then", () =>
    Effect.gen(function* () {
      for (const keyring of [signer.keyring, signer.armored]) {
        const { value, warnings } = yield* download(signer.sign(list), { KTSTR_KERNEL_ORG_KEYRING: keyring })
        expect([value._tag, warnings]).toEqual(["Right", []])
      }
    })
  )

  it.scopedLive("is said not to have been checked without one", () =>
    Effect.gen(function* () {
      const { value, warnings } = yield* download(signer.sign(list), {})
      expect(value._tag).toBe("Right")
      expect(warnings).toEqual([
        expect.stringMatching(/^linux-7\.3\.11\.tar\.xz: the signature of http.*sha256sums\.asc was not verified, /)
      ])
      expect(warnings[0]).toContain("KTSTR_KERNEL_ORG_KEYRING")
    })
  )

  it.scopedLive("refuses what another key signed, what was changed, added outside, or not signed", () =>
    Effect.gen(function* () {
      const signed = signer.sign(list)
      const evil = `${"ab".repeat(32)}  ${name}\n`
      const cases: ReadonlyArray<readonly [string, RegExp]> = [
        [stranger.sign(list), /it was signed with a key that is not in the keyring/],
        [signed.replace(/^[0-9a-f]{64}/m, "ab".repeat(32)), /the signature is bad: the text was changed/],
        [list, /it has no signature/],
        [signed.replace(/-----BEGIN PGP SIGNATURE[\s\S]*/, ""), /refused/]
      ]
      for (const [sums, why] of cases) {
        const { value } = yield* download(sums, { KTSTR_KERNEL_ORG_KEYRING: signer.keyring })
        expect(value).toMatchObject({ left: { message: expect.stringMatching(why) } })
        if (value._tag === "Left") {
          expect(value.left.message).not.toContain("\n")
          expect(exitCodeOfError(value.left)).toBe(69)
        }
      }
      // Lines before and after the signed text do not count.
      for (const sums of [`${evil}\n${signed}`, `${signed}\n${evil}`]) {
        const { value } = yield* download(sums, { KTSTR_KERNEL_ORG_KEYRING: signer.keyring })
        if (value._tag === "Left") expect(value.left.message).toMatch(/refused/)
      }
    })
  )

  it.scopedLive("is checked for an ended series, too", () =>
    Effect.gen(function* () {
      const { base } = yield* serve({
        "/releases.json": text(index),
        [`${directory}/sha256sums.asc`]: text(stranger.sign(list.replace("7.3.11", "7.1.4")))
      })
      const error = yield* Effect.flip(
        against(base, () => resolveReleases({ _tag: "Series", series: "7.1" }), {
          KTSTR_KERNEL_ORG_KEYRING: signer.keyring
        })
      )
      expect(error.message).toMatch(/it was signed with a key that is not in the keyring/)
    })
  )

  it.scopedLive("with a keyring that is not there, or is none, is refused", () =>
    Effect.gen(function* () {
      const absent = yield* download(signer.sign(list), { KTSTR_KERNEL_ORG_KEYRING: join(scratch, "absent.gpg") })
      expect(absent.value).toMatchObject({ left: { message: expect.stringContaining("absent.gpg (KTSTR_KERNEL") } })
      if (absent.value._tag === "Left") expect(exitCodeOfError(absent.value.left)).toBe(64)
      writeFileSync(join(scratch, "junk.gpg"), "no keys in here")
      const junk = yield* download(signer.sign(list), { KTSTR_KERNEL_ORG_KEYRING: join(scratch, "junk.gpg") })
      expect(junk.value._tag).toBe("Left")
    })
  )
})
