/**
 * File systems on which flock(2) does not reliably exclude other machines or processes.
 *
 * @since 0.1.0
 */
import { FileSystem, Path } from "@effect/platform"
import { Effect } from "effect"

/** File system types as in /proc/self/mountinfo, each with its common name and why its locks are unreliable. */
const unreliable: ReadonlyArray<readonly [RegExp, string, string]> = [
  [/^nfs4?$/, "NFS", "NFSv3 is advisory-only without an NLM peer; NFSv4 byte-range locking does not cover flock(2)"],
  [/^cifs$/, "CIFS", "the server may not pass locks on to other clients"],
  [/^(smb3|smbfs)$/, "SMB2", "the server may not pass locks on to other clients"],
  [/^ceph$/, "CephFS", "a lock is lost with the session of its client"],
  [/^afs$/, "AFS", "locks cover whole files and end with the ticket of the client"],
  [/^fuse(\..*|blk)?$/, "FUSE", "whether locks work is up to the program behind the mount"]
]

/** Decodes a field of /proc/self/mountinfo, in which blanks and backslashes are octal escapes (proc(5)). */
const unescape = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/**
 * Returns the type of the file system that contains an absolute path without symbolic links, from the text of /proc/self/mountinfo: the deepest mount
 * point above the path counts, and the last mount on it.
 *
 * @since 0.1.0
 * @category parsing
 */
export const filesystemType = (mountinfo: string, path: string): string | undefined => {
  let deepest = -1
  let type: string | undefined
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ", 2)
    const point = unescape(before?.split(" ")[4] ?? "")
    const above = point === "/" || path === point || path.startsWith(`${point}/`)
    if (after === undefined || point === "" || !above || point.length < deepest) continue
    deepest = point.length
    type = after.split(" ")[0]
  }
  return type
}

/**
 * Returns why ktstr refuses locks on a file system of that type; undefined if it allows them.
 *
 * @since 0.1.0
 * @category accessors
 */
export const lockRefusal = (path: string, type: string | undefined): string | undefined => {
  const found = unreliable.find(([pattern]) => type !== undefined && pattern.test(type))
  return found === undefined
    ? undefined
    : `${path}: filesystem ${found[1]} is not supported for ktstr lockfiles (${found[2]}). Move the lockfile path to a local filesystem (tmpfs, ext4, xfs, btrfs, f2fs, bcachefs).`
}

/**
 * Returns {@link lockRefusal} for a path on this machine, which need not exist. Determines the type before touching the file system, because a dead
 * server would block the caller.
 *
 * @since 0.1.0
 * @category accessors
 */
export const findLockRefusal: (
  path: string
) => Effect.Effect<string | undefined, never, FileSystem.FileSystem | Path.Path> = Effect.fn("LockPlace.refusal")(
  function* (given: string) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const mounts = yield* Effect.orElseSucceed(fs.readFileString("/proc/self/mountinfo"), () => "")
    const typed = lockRefusal(given, filesystemType(mounts, given))
    if (typed !== undefined) return typed
    // Resolves symbolic links in the existing part of the path.
    const real = (at: string): Effect.Effect<string> =>
      Effect.catchAll(fs.realPath(at), () => (at === "/" ? Effect.succeed(at) : real(path.dirname(at))))
    return lockRefusal(given, filesystemType(mounts, yield* real(given)))
  }
)
