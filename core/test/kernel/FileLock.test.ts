import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { acquireFileLock } from "../../src/host/FileLock.ts"
import { filesystemType, findLockRefusal, lockRefusal } from "../../src/host/LockPlace.ts"
import { findLocks, parseLockLine } from "../../src/host/LockTable.ts"

const inDirectory = <A, E>(body: (directory: string) => Effect.Effect<A, E, NodeContext.NodeContext>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr lock-"))),
    (directory) => Effect.provide(body(directory), NodeContext.layer),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

/** As another program sees it. */
const isFree = (file: string): boolean => spawnSync("flock", ["--nonblock", file, "true"]).status === 0

describe("acquireFileLock", () => {
  it.live("removes the file with the lock, and nobody is alone with a file that another has taken away", () =>
    inDirectory((directory) =>
      Effect.gen(function* () {
        const file = join(directory, "it's.lock")
        let inside = 0
        let most = 0
        let entered = 0
        const one = Effect.scoped(
          Effect.gen(function* () {
            expect(yield* acquireFileLock(file)).toBe(true)
            entered++
            inside++
            most = Math.max(most, inside)
            yield* Effect.sleep("5 millis")
            inside--
          })
        )
        yield* Effect.all(Array<typeof one>(8).fill(one), { concurrency: "unbounded" })
        expect([entered, most]).toEqual([8, 1])
        expect(existsSync(file)).toBe(false)
      })
    )
  )

  it.live("does not wait when it is told not to, and gives up after its time", () =>
    inDirectory((directory) =>
      Effect.gen(function* () {
        const file = join(directory, "a.lock")
        yield* Effect.scoped(
          Effect.gen(function* () {
            expect(yield* acquireFileLock(file)).toBe(true)
            expect(yield* Effect.scoped(acquireFileLock(file, { timeoutS: 0 }))).toBe(false)
            expect(yield* Effect.scoped(acquireFileLock(file, { timeoutS: 1 }))).toBe(false)
            expect(isFree(file)).toBe(false)
          })
        )
        expect(yield* Effect.scoped(acquireFileLock(join(directory, "no/such/directory.lock")))).toBe(false)
      })
    )
  )

  it.live("locks a directory, which stays, a read-only one as well", () =>
    inDirectory((directory) =>
      Effect.gen(function* () {
        const tree = join(directory, "tree")
        mkdirSync(tree, { mode: 0o555 })
        yield* Effect.scoped(
          Effect.gen(function* () {
            expect(yield* acquireFileLock(tree)).toBe(true)
            expect(isFree(tree)).toBe(false)
          })
        )
        expect([existsSync(tree), isFree(tree)]).toEqual([true, true])
      })
    )
  )

  it.live("is freed, and its file removed, when the process that asked for it is killed", () =>
    inDirectory((directory) =>
      Effect.promise(async () => {
        const file = join(directory, "killed.lock")
        // What FileLock starts, by a process that is killed.
        const source = readFileSync(join(import.meta.dirname, "../../src/host/FileLock.ts"), "utf8")
        const holder = /const holder = `([^`]*)`/.exec(source)![1]!
        const script = `const { spawn } = require("node:child_process")
          const child = spawn("flock", ["--no-fork", "--exclusive", process.argv[1], "sh", "-c", process.argv[2], process.argv[1]], { stdio: ["pipe", "pipe", "inherit"], detached: true })
          child.stdout.pipe(process.stdout)`
        const owner = spawn("node", ["-e", script, file, holder], { stdio: ["ignore", "pipe", "inherit"] })
        await new Promise((resolve) => owner.stdout.once("data", resolve))
        expect(isFree(file)).toBe(false)
        owner.kill("SIGKILL")
        for (let waited = 0; existsSync(file) && waited < 5000; waited += 20) {
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        expect(existsSync(file)).toBe(false)
      })
    )
  )
})

describe("findLocks", () => {
  it.live("names who holds a lock and who waits, not the programs that do it for them", () =>
    inDirectory((directory) =>
      Effect.gen(function* () {
        const file = join(directory, "a.lock")
        writeFileSync(join(directory, "unlocked.lock"), "")
        const held = yield* Deferred.make<void>()
        const holder = yield* Effect.fork(
          Effect.scoped(
            Effect.zipRight(acquireFileLock(file), Effect.zipRight(Deferred.succeed(held, undefined), Effect.never))
          )
        )
        yield* Deferred.await(held)
        const waits = yield* Deferred.make<void>()
        const waiter = yield* Effect.fork(
          Effect.scoped(acquireFileLock(file, { onWait: Effect.asVoid(Deferred.succeed(waits, undefined)) }))
        )
        yield* Deferred.await(waits)
        const look = findLocks((path) => Effect.succeed(path.startsWith(directory)))
        let locks = yield* look
        for (let tries = 0; locks[0]?.waiters.length === 0 && tries < 100; tries++) {
          yield* Effect.sleep("20 millis")
          locks = yield* look
        }
        const self = expect.objectContaining({ pid: process.pid, command: expect.stringContaining("node") })
        expect(locks).toEqual([{ path: file, holders: [self], waiters: [self] }])
        yield* Fiber.interrupt(waiter)
        yield* Fiber.interrupt(holder)
        expect(yield* look).toEqual([])
      })
    )
  )

  it("reads lines of /proc/locks and of descriptors", () => {
    expect(parseLockLine("3: FLOCK  ADVISORY  WRITE 28855 fe:00:2162744 0 EOF")).toEqual({
      waits: false,
      pid: 28855,
      file: "fe:00:2162744"
    })
    expect(parseLockLine("3: -> FLOCK  ADVISORY  READ 12 00:2a:7 0 EOF")).toMatchObject({ waits: true, pid: 12 })
    expect(parseLockLine("lock:\t1: FLOCK  ADVISORY  WRITE -1 fe:00:2361974 0 EOF")).toMatchObject({ pid: -1 })
    expect(parseLockLine("4: POSIX  ADVISORY  WRITE 1 fe:00:1 0 EOF")).toBeUndefined()
    expect(parseLockLine("pos:\t0")).toBeUndefined()
  })
})

/** As a machine with many mounts has it. */
const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 27 0:40 / /home rw shared:5 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/ada/disk\\0401 rw - xfs /dev/sdb1 rw
32 27 0:42 / /srv rw - tmpfs tmpfs rw
33 32 0:43 / /srv rw master:2 propagate_from:1 - fuse.sshfs ada@server: rw
34 27 0:44 / /srv2 rw - cifs //server/share rw
35 27 0:45 / /mnt rw - ceph 10.0.0.1:/ rw
`

describe("the place of a lock", () => {
  it.each([
    ["/var/cache/ktstr", "ext4"],
    ["/home", "nfs4"],
    ["/home/ada/.cache/ktstr/kernels/.locks/a.lock", "nfs4"],
    ["/home/ada/disk 1/kernels", "xfs"],
    ["/homes", "ext4"],
    ["/srv/kernels", "fuse.sshfs"],
    ["/srv2/kernels", "cifs"]
  ])("%s is on %s", (path, type) => expect(filesystemType(mountinfo, path)).toBe(type))

  it("is refused where flock(2) can't be trusted, with the name of the filesystem", () => {
    const path = "/home/ada/.locks/a.lock"
    expect(lockRefusal(path, "nfs")).toBe(
      `${path}: filesystem NFS is not supported for ktstr lockfiles (NFSv3 is advisory-only without an NLM peer; NFSv4 byte-range locking does not cover flock(2)). Move the lockfile path to a local filesystem (tmpfs, ext4, xfs, btrfs, f2fs, bcachefs).`
    )
    const names = ["nfs4", "cifs", "smb3", "ceph", "afs", "fuse", "fuseblk", "fuse.sshfs"].map(
      (type) => /filesystem (\S+) is not/.exec(lockRefusal(path, type) ?? "")?.[1]
    )
    expect(names).toEqual(["NFS", "CIFS", "SMB2", "CephFS", "AFS", "FUSE", "FUSE", "FUSE"])
    for (const type of ["ext4", "xfs", "btrfs", "tmpfs", "overlay", "9p", "f2fs", undefined]) {
      expect(lockRefusal(path, type)).toBeUndefined()
    }
  })

  it.effect("is good in this machine's temporary directory, also for what is not there yet", () =>
    inDirectory((directory) =>
      Effect.gen(function* () {
        expect(yield* findLockRefusal(join(directory, "not/there/yet.lock"))).toBeUndefined()
      })
    )
  )
})
