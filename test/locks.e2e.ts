// Locks as processes that live and die side by side see them.
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { bin, environment, ktstr, start } from "./ktstr.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-locks-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Holds a lock as another program would, until it is ended. */
const hold = async (path: string) => {
  const child = spawn("flock", ["--no-fork", path, "sh", "-c", "echo locked; exec sleep 1000"], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  await new Promise((resolve) => child.stdout.once("data", resolve))
  const ended = new Promise((resolve) => child.once("close", resolve))
  return {
    pid: child.pid,
    end: async () => {
      child.kill("SIGKILL")
      await ended
    }
  }
}

const cacheWith = (...locks: ReadonlyArray<string>): string => {
  const cache = mkdtempSync(join(scratch, "cache-"))
  mkdirSync(join(cache, ".locks"))
  for (const name of locks) writeFileSync(join(cache, ".locks", name), "")
  return cache
}

describe("ktstr locks", () => {
  it("names holder and waiter of a cache's lock and of a tree's, and nobody else's locks", async () => {
    const cache = cacheWith()
    const tree = join(scratch, "linux")
    mkdirSync(tree)
    writeFileSync(join(tree, "Kbuild"), "")
    const strange = join(scratch, "strange.lock")
    const held = await Promise.all([join(cache, ".locks/fetch.lock"), tree, strange].map(hold))
    // A spec that no cached kernel fits makes it wait for the lock before it asks the network.
    const waiting = start(["kernel", "fetch", "distro:no-such-suite/no-such-package"], {
      env: { KTSTR_CACHE_DIR: cache }
    })
    await waiting.shows(/waiting for another ktstr/)
    const look = async () =>
      (JSON.parse((await ktstr(["locks", "--json"])).stdout).locks as ReadonlyArray<{ path: string }>).filter(
        ({ path }) => path.startsWith(scratch)
      )
    const holder = (pid: number | undefined) => expect.objectContaining({ pid })
    const command = expect.stringMatching(/bin\.js kernel fetch distro:no-such-suite/)
    expect(await look()).toEqual([
      {
        path: join(cache, ".locks/fetch.lock"),
        holders: [holder(held[0]?.pid)],
        waiters: [{ pid: waiting.child.pid, command }]
      },
      { path: tree, holders: [holder(held[1]?.pid)], waiters: [] }
    ])
    const { stdout } = await ktstr(["locks"])
    expect(stdout).toMatch(new RegExp(`${cache}/.locks/fetch.lock +holds +${held[0]?.pid} +sleep 1000`))
    expect(stdout).toMatch(new RegExp(`${cache}/.locks/fetch.lock +waits +${waiting.child.pid} +\\S*node`))

    const watch = start(["locks", "--watch", "200ms", "--json"])
    let seen = ""
    await new Promise<void>((resolve) => {
      watch.child.stdout?.on("data", (chunk) => {
        seen += chunk
        if (seen.split("\n").length > 2) resolve()
      })
    })
    watch.child.kill("SIGINT")
    expect((await watch.ended).code).toBe(130)
    for (const line of seen.trim().split("\n").slice(0, 2)) expect(JSON.parse(line).locks.length).toBeGreaterThan(1)

    waiting.child.kill("SIGINT")
    expect((await waiting.ended).code).toBe(130)
    for (const lock of held) await lock.end()
    expect(await look()).toEqual([])
  })

  it.skipIf(!existsSync("/dev/fuse"))(
    "are refused on a real FUSE mount, in one line, before anything is written there",
    () => {
      const mount = join(scratch, "fuse")
      mkdirSync(mount)
      const server = join(import.meta.dirname, "fuseServer.mjs")
      const script = [
        "exec 7<>/dev/fuse",
        `mount -t fuse -o fd=7,rootmode=40755,user_id=0,group_id=0 ktstr-test ${mount}`,
        `"${process.execPath}" ${server} & server=$!`,
        `"${process.execPath}" "${bin}" kernel fetch 7>&-; code=$?`,
        "kill -9 $server; exit $code"
      ].join("\n")
      const env = environment({ KTSTR_CACHE_DIR: join(mount, "kernels") })
      const { status, stderr } = spawnSync("unshare", ["-m", "sh", "-c", script], { env, encoding: "utf8" })
      expect(stderr.trim()).toBe(
        `ktstr: ${mount}/kernels/.locks: filesystem FUSE is not supported for ktstr lockfiles (whether locks work is up to the program behind the mount). Move the lockfile path to a local filesystem (tmpfs, ext4, xfs, btrfs, f2fs, bcachefs). KTSTR_CACHE_DIR names another cache directory.`
      )
      expect(status).toBe(69)
    }
  )
})

describe("ktstr cleanup", () => {
  it("removes lock files that nobody holds, and none that somebody does", async () => {
    const cache = cacheWith("stale.lock", "held.lock")
    const held = await hold(join(cache, ".locks/held.lock"))
    const env = { KTSTR_CACHE_DIR: cache }
    const looked = await ktstr(["cleanup", "--dry-run"], { env })
    expect(looked.stdout).toContain(`would remove ${cache}/.locks/stale.lock (lock that nobody holds)\n`)
    expect(looked.stdout).not.toContain("held.lock")
    expect(readdirSync(join(cache, ".locks")).sort()).toEqual(["held.lock", "stale.lock"])
    const done = await ktstr(["cleanup", "--json"], { env })
    expect(JSON.parse(done.stdout).caches).toEqual([{ path: join(cache, ".locks/stale.lock"), kind: "lock" }])
    expect(readdirSync(join(cache, ".locks"))).toEqual(["held.lock"])
    await held.end()
  })
})
