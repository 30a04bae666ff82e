// Runs that were killed: what they leave, and that `ktstr cleanup` removes it and touches nothing of those that live.
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { bin, environment, ktstr, leftovers, none, start } from "./ktstr.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-cleanup-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const steady = ["run", "steady", "--topology", "1n1l2c1t", "--vmm", "qemu-tcg"]
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
/** What this machine's other users have lying about is not looked at. */
const cleanup = async () => {
  const { code, stdout, stderr } = await ktstr(["cleanup", "--json"])
  expect([code, stderr]).toEqual([0, ""])
  return JSON.parse(stdout)
}
const pidsOf = (files: ReadonlyArray<{ pid: number }>): ReadonlyArray<number> => files.map(({ pid }) => pid)

describe("ktstr cleanup", () => {
  it("removes what a run killed in mid-boot left, beside a living run that passes", async () => {
    const living = start([...steady, "--duration", "6"])
    const killed = start([...steady, "--duration", "20"])
    await Promise.all([living.shows(/booting/i), killed.shows(/booting/i)])
    killed.child.kill("SIGKILL")
    await killed.ended
    await pause(200)

    const { removed, kept, failed } = await cleanup()
    expect(failed).toEqual([])
    expect(pidsOf(removed)).toContain(killed.child.pid)
    expect(pidsOf(removed)).not.toContain(living.child.pid)
    expect(pidsOf(kept)).toContain(living.child.pid)
    expect(pidsOf(kept)).not.toContain(killed.child.pid)

    const { code, stdout } = await living.ended
    expect(stdout).toMatch(/^PASS steady/m)
    expect(code).toBe(0)
    expect(await leftovers()).toEqual(none)
  })

  it("after a SIGKILL at any moment of the start nothing is left that it does not remove, no process at all", async () => {
    for (const ms of [250, 450, 600, 700, 800, 900, 1000, 1200, 1500]) {
      const run = start([...steady, "--duration", "20"])
      await pause(ms)
      run.child.kill("SIGKILL")
      await run.ended
    }
    expect((await leftovers()).processes).toEqual([])
    await cleanup()
    expect(await leftovers()).toEqual(none)
  })

  it("says what it did, only looks with --dry-run, and says what it can't remove", async () => {
    const run = start([...steady, "--duration", "20"])
    await run.shows(/booting/i)
    run.child.kill("SIGKILL")
    await run.ended
    await pause(200)
    const [left] = (await leftovers(0)).files
    expect(basename(left!)).toMatch(new RegExp(`^ktstr-${run.child.pid}-`))

    const looked = await ktstr(["cleanup", "--dry-run"])
    expect(looked.stdout).toContain(`would remove ${left} (temporary, of process ${run.child.pid})\n`)

    // Not even root can remove a mount point; the mount is in a private namespace.
    const script = `mount --bind "${left}" "${left}" && exec "${process.execPath}" "${bin}" cleanup`
    const stuck = (() => {
      try {
        return {
          code: 0,
          stdout: execFileSync("unshare", ["-m", "sh", "-c", script], { env: environment() }).toString()
        }
      } catch (error) {
        const failed = error as { status: number; stdout: Buffer }
        return { code: failed.status, stdout: failed.stdout.toString() }
      }
    })()
    expect(stuck.stdout).toMatch(/can't remove .*: .*busy.*; run it as the file's owner/i)
    expect(stuck.code).toBe(1)

    const done = await ktstr(["cleanup"])
    expect([done.code, done.stdout]).toEqual([
      0,
      expect.stringContaining(`removed ${left} (temporary, of process ${run.child.pid})\n`)
    ])
    expect(await leftovers()).toEqual(none)
    mkdirSync(join(scratch, "empty"))
    const nothing = await ktstr(["cleanup"], { env: { KTSTR_CACHE_DIR: join(scratch, "empty") } })
    expect(nothing.code).toBe(0)
    expect(readdirSync(join(scratch, "empty"))).toEqual([])
  })
})
