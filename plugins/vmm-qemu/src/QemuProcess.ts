/**
 * Starts a qemu process that can't outlive this one. It inherits its monitor and memory files.
 *
 * @since 0.1.0
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import type { Duplex } from "node:stream"
import { nextTurn } from "@ktstr/core/base"
import { VmmError } from "@ktstr/core/machine"
import { Deferred, Effect, FiberId, type Scope } from "effect"

/** Numbers of the descriptors that qemu inherits; files begin at `firstFile`. */
export const inherited = { qmp: 3, firstFile: 4 } as const

/**
 * Returns the path with which qemu opens the n-th inherited file.
 *
 * @since 0.1.0
 * @category conversions
 */
export const inheritedPath = (n: number): string => `/proc/self/fd/${inherited.firstFile + n}`

/**
 * How a process ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: string | null
}

/**
 * @since 0.1.0
 * @category models
 */
export interface QemuProcess {
  readonly pid: number
  readonly qmp: Duplex
  /** A stream to qemu's descriptor after all others, if it was asked for. */
  readonly control: Duplex | undefined
  /** Returns the last 64 KiB of its standard error. */
  readonly stderr: () => string
  /** Settles when the process has ended and its standard error has been read to the end. */
  readonly end: Deferred.Deferred<ProcessEnd>
  readonly kill: () => void
}

const missing = (program: string, pkg: string): VmmError =>
  new VmmError({
    reason: "BackendMissing",
    message: `${program} not found in PATH: install it with: apt-get install ${pkg}`
  })

const isExecutable = (path: string): boolean => {
  try {
    fs.accessSync(path, fs.constants.X_OK)
    return fs.statSync(path).isFile()
  } catch {
    return false
  }
}

/**
 * Returns the path of a program: the name itself if it has a slash, else the first match in PATH.
 *
 * @since 0.1.0
 * @category conversions
 */
export const findProgram = (name: string, path: string | undefined): string | undefined =>
  name.includes("/")
    ? isExecutable(name)
      ? name
      : undefined
    : (path ?? "")
        .split(":")
        .filter((directory) => directory !== "")
        .map((directory) => `${directory}/${name}`)
        .find(isExecutable)

/**
 * Returns the path of qemu, or fails with `BackendMissing`.
 *
 * @since 0.1.0
 * @category conversions
 */
export const findQemu = (binary: string): Effect.Effect<string, VmmError> =>
  Effect.suspend(() => {
    const path = findProgram(binary, process.env.PATH)
    return path === undefined ? Effect.fail(missing(binary, "qemu-system-x86")) : Effect.succeed(path)
  })

const stderrKept = 64 * 1024

const wrap = (child: ChildProcess, pid: number, control: Duplex | undefined): QemuProcess => {
  let stderr = ""
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrKept)
  })
  const qmp = child.stdio[inherited.qmp] as Duplex
  // "close" reports a peer that dies during a write; without a listener, the error would end this process.
  qmp.on("error", () => {})
  const end = Deferred.unsafeMake<ProcessEnd>(FiberId.none)
  const exited = Effect.async<ProcessEnd>((resume) => {
    child.once("exit", (code, signal) => resume(Effect.succeed({ code, signal })))
  })
  const silent = Effect.async<void>((resume) => {
    child.stderr?.once("close", () => resume(Effect.void))
  })
  Effect.runFork(Effect.intoDeferred(Effect.zipLeft(exited, silent, { concurrent: true }), end))
  return {
    pid,
    qmp,
    control,
    stderr: () => stderr,
    end,
    kill: () => {
      child.kill("SIGKILL")
    }
  }
}

/** Starting a process blocks the event loop for milliseconds, so machines start in different turns. */
const starting = Effect.unsafeMakeSemaphore(1)

/** The kernel does not report a parent that died before prctl(2). In that case, the parent's PID has changed. */
const unlessOrphaned = 'test "$PPID" = "$1" || exit 1; shift; exec "$@"'

const preloading = (library: string | undefined): NodeJS.ProcessEnv => {
  const { LD_PRELOAD: others = "" } = process.env
  return library === undefined ? process.env : { ...process.env, LD_PRELOAD: `${library} ${others}`.trimEnd() }
}

/**
 * Starts qemu. Closing the scope kills it and waits until it is gone. The kernel kills it when this process dies, however that
 * happens (prctl(2), PR_SET_PDEATHSIG, set by util-linux's setpriv, which then becomes qemu).
 *
 * @since 0.1.0
 * @category constructors
 */
export const spawnQemu = (options: {
  /** Path of qemu. */
  readonly binary: string
  readonly args: ReadonlyArray<string>
  /** Open files that qemu inherits, see {@link inheritedPath}. */
  readonly files: ReadonlyArray<number>
  /** Whether qemu also inherits a stream, after the files. Default false. */
  readonly control?: boolean | undefined
  /** Path of a library that qemu loads before all others. */
  readonly preload?: string | undefined
}): Effect.Effect<QemuProcess, VmmError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<QemuProcess, VmmError>((resume) => {
      const setpriv = findProgram("setpriv", process.env.PATH)
      if (setpriv === undefined) return resume(Effect.fail(missing("setpriv", "util-linux")))
      const guarded = ["/bin/sh", "-c", unlessOrphaned, "sh", String(process.pid), options.binary, ...options.args]
      const child = spawn(setpriv, ["--pdeathsig", "KILL", ...guarded], {
        stdio: [
          "ignore",
          "ignore",
          "pipe",
          "pipe",
          ...options.files,
          ...(options.control === true ? ["pipe" as const] : [])
        ],
        env: preloading(options.preload),
        // Ctrl-C is for this process, which stops the machine properly; a process group of its own protects qemu from it.
        detached: true
      })
      const { pid } = child
      if (pid === undefined) {
        child.once("error", (cause) =>
          resume(
            Effect.fail(
              new VmmError({ reason: "Io", message: `can't start ${options.binary}: ${cause.message}`, cause })
            )
          )
        )
      } else {
        const last = options.control === true ? child.stdio[inherited.firstFile + options.files.length] : undefined
        resume(Effect.succeed(wrap(child, pid, (last ?? undefined) as Duplex | undefined)))
      }
    }).pipe(Effect.zipLeft(nextTurn), starting.withPermits(1)),
    (process) =>
      Effect.suspend(() => {
        process.kill()
        process.qmp.destroy()
        return Deferred.await(process.end)
      })
  )
