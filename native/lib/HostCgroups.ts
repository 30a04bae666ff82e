/**
 * The cgroups of runs on this host, after the agent that made them is gone.
 *
 * @since 0.1.0
 */
import { readdir, readFile, rmdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { FileSystem } from "@effect/platform"
import { findCgroupMount } from "@ktstr/core"
import { Effect, Either } from "effect"

const textOf = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "")

const childrenOf = async (directory: string): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name))
}

/** Depth first, the directory itself last. */
const treeOf = async (directory: string): Promise<ReadonlyArray<string>> => {
  const below = await Promise.all((await childrenOf(directory)).map(treeOf))
  return [...below.flat(), directory]
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Killed workers of a busy machine take their time to die. */
const longestMs = 10_000

/** Linux 5.14 has `cgroup.kill`; before it the processes are signalled one by one. */
const killAll = async (tree: ReadonlyArray<string>, root: string): Promise<void> => {
  const killed = await writeFile(join(root, "cgroup.kill"), "1").then(
    () => true,
    () => false
  )
  if (killed) return
  for (const directory of tree) {
    for (const pid of (await textOf(join(directory, "cgroup.procs"))).split("\n").map(Number)) {
      try {
        if (pid > 0) process.kill(pid, "SIGKILL")
      } catch {
        // It has just ended.
      }
    }
  }
}

const remove = async (root: string, patienceMs: number): Promise<void> => {
  for (const until = Date.now() + patienceMs; ; await pause(20)) {
    const tree = await treeOf(root)
    if (/^populated 1/m.test(await textOf(join(root, "cgroup.events")))) await killAll(tree, root)
    let failed: NodeJS.ErrnoException | undefined
    for (const directory of tree) {
      await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") failed ??= error
      })
    }
    if (failed === undefined) return
    if (Date.now() > until) throw failed
  }
}

/**
 * Kills what runs in a cgroup and below it, and removes them. One that is not there is no failure; after the patience, in milliseconds, it gives up.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const removeCgroups = (root: string, patienceMs = longestMs): Effect.Effect<void, Error> =>
  Effect.tryPromise({
    try: () => remove(root, patienceMs),
    catch: (cause) => (cause instanceof Error ? cause : new Error(String(cause)))
  })

/**
 * A cgroup `ktstr-PID` of a run on this host.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostRun {
  readonly path: string
  /** Number of the agent that made it. */
  readonly pid: number
  readonly alive: boolean
}

/** Processes of another PID namespace are listed as 0: their agent can't be asked for here. */
const isForeign = async (root: string): Promise<boolean> => {
  const lists = await Promise.all((await treeOf(root)).map((directory) => textOf(join(directory, "cgroup.procs"))))
  return lists.some((list) => list.split("\n").includes("0"))
}

/** The number may belong to another process by now. */
const isAgent = async (pid: number): Promise<boolean> => (await textOf(`/proc/${pid}/comm`)).trim() === "ktstr-agent"

const find = async (mount: string): Promise<ReadonlyArray<HostRun>> => {
  const runs: Array<HostRun> = []
  for (const path of await childrenOf(mount)) {
    const pid = Number(/\/ktstr-(\d+)$/.exec(path)?.[1])
    if (pid > 0) runs.push({ path, pid, alive: (await isAgent(pid)) || (await isForeign(path)) })
  }
  return runs
}

/**
 * What {@link cleanUpHostRuns} did.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostCleanup {
  readonly removed: ReadonlyArray<HostRun>
  readonly kept: ReadonlyArray<HostRun>
  readonly failed: ReadonlyArray<HostRun & { readonly message: string }>
}

/**
 * Removes the cgroups of runs whose agent is gone, with what still runs in them. Never fails; on a machine where nothing can be run there
 * is nothing to remove. With `dryRun` nothing is removed, and `removed` is what would be.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const cleanUpHostRuns: (options?: {
  readonly dryRun?: boolean
}) => Effect.Effect<HostCleanup, never, FileSystem.FileSystem> = Effect.fn("HostCgroups.cleanUp")(function* (options) {
  const mount = yield* Effect.either(findCgroupMount())
  const runs = Either.isRight(mount) ? yield* Effect.promise(() => find(mount.right)) : []
  const dead = runs.filter(({ alive }) => !alive)
  const kept = runs.filter(({ alive }) => alive)
  if (options?.dryRun === true) return { removed: dead, kept, failed: [] }
  const removed: Array<HostRun> = []
  const failed: Array<HostRun & { readonly message: string }> = []
  for (const run of dead) {
    const result = yield* Effect.either(removeCgroups(run.path))
    if (Either.isRight(result)) removed.push(run)
    else failed.push({ ...run, message: result.left.message })
  }
  return { removed, kept, failed }
})
