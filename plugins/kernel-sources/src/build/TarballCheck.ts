/**
 * Refuses source tarballs that would write outside their directory, or fill the disk, before anything is unpacked.
 *
 * @since 0.1.0
 */
import { Command, CommandExecutor } from "@effect/platform"
import { oneLine } from "@ktstr/core/base"
import { KernelError } from "@ktstr/core/kernel"
import { Effect, Fiber, Stream } from "effect"

/**
 * More than any kernel source has: 6.12 is 90,000 members of 1.6 GB.
 *
 * @since 0.1.0
 * @category models
 */
export interface TarballLimits {
  readonly members: number
  /** Bytes of all files, unpacked. */
  readonly bytes: number
}

const limits: TarballLimits = { members: 1_000_000, bytes: 16 * 2 ** 30 }

/** `-rw-r--r-- 0/0  12 2024-01-01 00:00 "name" -> "target"`, as GNU tar lists with C quotes and numeric owners. */
const member = /^(\S)\S* +\S+ +(\d+|\d+,\d+) +\S+ +\S+ ("(?:[^"\\]|\\.)*")(?: (?:->|link to) ("(?:[^"\\]|\\.)*"))?/

const leaves = (name: string): boolean => name.startsWith("/") || name.split("/").includes("..")

/**
 * Returns whether a symbolic link can lead out of the tree. Only leading `..` are counted: after another component, which may itself be a link,
 * it is unknown where they lead.
 */
const leadsOut = (name: string, target: string): boolean => {
  if (target.startsWith("/")) return true
  const parts = target.split("/").filter((part) => part !== "" && part !== ".")
  const ups = parts.findIndex((part) => part !== "..")
  const leading = ups < 0 ? parts.length : ups
  const depth = name.split("/").filter((part) => part !== "" && part !== ".").length - 1
  return leading > depth || parts.slice(leading).includes("..")
}

/** Takes the members of one tarball in order and describes what is wrong with one. */
const inspector = (limit: TarballLimits) => {
  const links = new Set<string>()
  let members = 0
  let bytes = 0
  return (line: string): string | undefined => {
    const match = member.exec(line)
    if (match === null) return `its list cannot be read: ${line}`
    const [, type = "", size = "", quoted = "", quotedTarget] = match
    const name = quoted.slice(1, -1)
    const target = quotedTarget?.slice(1, -1)
    if (leaves(name)) return `${quoted} is outside of the directory it is unpacked in`
    const components = name.split("/").filter((part) => part !== "" && part !== ".")
    for (let i = 1; i < components.length; i++) {
      const parent = components.slice(0, i).join("/")
      if (links.has(parent)) return `${quoted} goes through the link "${parent}"`
    }
    if (type === "l") {
      if (target === undefined || leadsOut(name, target))
        return `the link ${quoted} leads out of the tree, to ${quotedTarget}`
      links.add(components.join("/"))
    } else if (type === "h") {
      if (target === undefined || leaves(target)) return `the link ${quoted} leads out of the tree, to ${quotedTarget}`
    } else if (type !== "-" && type !== "d") return `${quoted} is neither a file, a directory nor a link`
    members++
    if (type === "-") bytes += Number(size)
    if (members > limit.members) return `it has more than ${limit.members} members`
    if (bytes > limit.bytes) return `unpacked it has more than ${limit.bytes} bytes`
    return undefined
  }
}

/**
 * Reads the list of a tarball. Fails with `Named` for one that is hostile, and with `Fetch` (`extract tarball: …`) for one that is damaged.
 * Stops at the first refused member, so that a bomb costs no time.
 *
 * @since 0.1.0
 * @category predicates
 */
export const checkTarball: (
  tarball: string,
  limit?: TarballLimits
) => Effect.Effect<void, KernelError, CommandExecutor.CommandExecutor> = Effect.fn("TarballCheck.check")(function* (
  tarball: string,
  limit: TarballLimits = limits
) {
  const executor = yield* CommandExecutor.CommandExecutor
  const broken = (why: string, cause?: unknown) =>
    new KernelError({ reason: "Fetch", message: `extract tarball: ${why} (${tarball})`, cause })
  const look = inspector(limit)
  const list = Command.make("tar", "-t", "-v", "--numeric-owner", "--quoting-style=c", "-P", "-f", tarball)
  yield* Effect.gen(function* () {
    const tar = yield* executor.start(Command.env(list, { LC_ALL: "C" }))
    const stderr = yield* Effect.fork(Stream.runFold(Stream.decodeText(tar.stderr), "", (all, part) => all + part))
    yield* tar.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runForEach((line) => {
        const why = look(line)
        return why === undefined
          ? Effect.void
          : Effect.fail(new KernelError({ reason: "Named", message: `${tarball} is refused: ${why}` }))
      })
    )
    const code = yield* tar.exitCode
    if (code === 0) return
    const complaint = oneLine(yield* Fiber.join(stderr))
    return yield* broken(complaint || `tar ended with ${code}`)
  }).pipe(
    Effect.scoped,
    Effect.mapError((cause) => (cause._tag === "KernelError" ? cause : broken(cause.message, cause)))
  )
})
