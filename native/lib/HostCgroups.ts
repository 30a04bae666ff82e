/**
 * The cgroups of runs on this host whose agent may be gone.
 *
 * @since 0.1.0
 */
import { execFile } from "node:child_process"
import { readdir, readFile, rmdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import type { FileSystem } from "@effect/platform"
import { currentProcess, ownerState, parseTemporaryName } from "@ktstr/core/host"
import { AgentBinary, findCgroupMount } from "@ktstr/core/machine"
import { Effect, Either, Option } from "effect"

const textOf = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "")

const childrenOf = async (directory: string): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name))
}

/** Returns all directories of the tree, depth first, with the directory itself last. */
const treeOf = async (directory: string): Promise<ReadonlyArray<string>> => {
  const below = await Promise.all((await childrenOf(directory)).map(treeOf))
  return [...below.flat(), directory]
}

/** On a busy machine, killed workers may need this long to die. */
const longestMs = 10_000

/** Kills all processes of the tree: by `cgroup.kill` since Linux 5.14, otherwise one by one. */
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
        // The process has just ended.
      }
    }
  }
}

const remove = async (root: string, patienceMs: number): Promise<void> => {
  for (const until = Date.now() + patienceMs; ; await sleep(20)) {
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
 * Kills all processes in a cgroup and below it, and removes these cgroups. A missing cgroup is not a failure. Fails if
 * this takes longer than `patienceMs` milliseconds.
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
 * A cgroup of a run on this host.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostRun {
  readonly path: string
  /** PID of the agent that created it. */
  readonly pid: number
  readonly alive: boolean
}

/** Lists the marked cgroups with the help of the agent, because Node can't read extended attributes. */
const listMarks = (agent: string, mount: string): Effect.Effect<string> =>
  Effect.tryPromise(() => promisify(execFile)(agent, ["--marks", mount], { maxBuffer: 2 ** 24 })).pipe(
    Effect.map(({ stdout }) => stdout),
    Effect.orElseSucceed(() => "")
  )

/** Returns the cgroups that carry an agent's mark; a name such as `ktstr-123` does not prove who created it. */
const findMarked = Effect.fnUntraced(function* (agent: string, mount: string) {
  const lines = (yield* listMarks(agent, mount)).split("\n")
  return lines.flatMap((line) => {
    const [name = "", mark = ""] = line.split("\t")
    const owner = parseTemporaryName(mark)
    return owner === undefined ? [] : [{ path: join(mount, name), owner }]
  })
})

/**
 * Removes the cgroup that an agent of this process created, with all processes in it. Does nothing if the cgroup is
 * missing or was created by another agent.
 *
 * @since 0.2.0
 * @category maintenance
 */
export const removeCgroupOf = (agent: string, mount: string, pid: number): Effect.Effect<void, Error> =>
  Effect.flatMap(findMarked(agent, mount), (marked) =>
    Effect.forEach(
      marked.filter(({ path, owner }) => owner.pid === pid && path === join(mount, `ktstr-${pid}`)),
      ({ path }) => removeCgroups(path),
      { discard: true }
    )
  )

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
 * Removes the cgroups of runs whose agent is gone, with all processes that still run in them. These are the cgroups
 * that carry an agent's mark, whatever their names. Never fails; a machine that can't run anything has nothing to
 * remove. With `dryRun` nothing is removed, and `removed` lists what would be. `mount` is where to look; default: the
 * mount of this host's runs.
 *
 * @since 0.1.0
 * @category maintenance
 */
export const cleanUpHostRuns: (options?: {
  readonly dryRun?: boolean
  readonly mount?: string
}) => Effect.Effect<HostCleanup, never, FileSystem.FileSystem | AgentBinary> = Effect.fn("HostCgroups.cleanUp")(
  function* (options) {
    const mount = options?.mount === undefined ? yield* Effect.option(findCgroupMount()) : Option.some(options.mount)
    // Without an agent nothing has run here.
    const agent = yield* Effect.option(Effect.flatMap(AgentBinary, ({ path }) => path))
    const self = yield* currentProcess
    if (Option.isNone(mount) || Option.isNone(agent) || Option.isNone(self))
      return { removed: [], kept: [], failed: [] }
    const marked = yield* findMarked(agent.value, mount.value)
    const runs = yield* Effect.forEach(marked, ({ path, owner }) =>
      Effect.map(ownerState(owner, self.value), (state): HostRun => ({ path, pid: owner.pid, alive: state !== "dead" }))
    )
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
  }
)
