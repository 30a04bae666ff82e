/**
 * An interactive guest: busybox, the included files, and an agent that waits for commands.
 *
 * @since 0.1.0
 */
import { type CommandExecutor, FileSystem, type Path } from "@effect/platform"
import { Effect, type Scope, Stream } from "effect"
import { ownTemporaryPrefix } from "../host/index.ts"
import { type BusyboxMissing, findBusybox, type GuestFile, InitramfsError, packBase } from "../image/index.ts"
import { liveLogLevel, type ResolvedKernel } from "../kernel/index.ts"
import { AgentBinary, type AgentMissing, bootMachine, type Vmm, type VmmError } from "../machine/index.ts"
import type { AgentEvent } from "../protocol/index.ts"
import {
  defaultRing,
  type GuestLost,
  type LiveGuest,
  makeLiveGuest,
  notAsAsked,
  OnlineRecord
} from "../session/index.ts"
import { CpuSet, type Topology } from "../topology/index.ts"
import { agentCmdline, guestMemoryMb } from "./GuestSetup.ts"

/**
 * What to boot for interactive use.
 *
 * @since 0.1.0
 * @category models
 */
export interface InteractiveRequest {
  readonly topology: Topology
  readonly kernel: ResolvedKernel
  /** Guest memory in MiB; undefined: as for a run. */
  readonly memoryMb: number | undefined
  /** Size of an empty disk in MiB; see `VmSpec`. */
  readonly scratchDiskMb?: number | undefined
  /** Files to include, with the syntax of `-i`. */
  readonly includes: ReadonlyArray<string>
  /** Kernel arguments, added after ktstr's own. */
  readonly kargs: ReadonlyArray<string>
  /** Milliseconds to the agent's first frame; undefined: a default that grows with the number of CPUs. */
  readonly bootTimeoutMs: number | undefined
  /** Receives warnings for the user: before the machine starts, and about CPUs that are missing or disappear. */
  readonly onWarning: (text: string) => Effect.Effect<void>
  /** Receives every line of the kernel console; undefined: the console is not shown. */
  readonly onConsoleLine: ((line: string) => Effect.Effect<void>) | undefined
}

/**
 * Why an interactive guest could not be started.
 *
 * @since 0.1.0
 * @category errors
 */
export type InteractiveError = VmmError | InitramfsError | AgentMissing | BusyboxMissing | GuestLost

/** Deadline of the agent in milliseconds; in practice the host's scope ends the guest. */
const aYearMs = 365 * 24 * 60 * 60 * 1000

const text = (path: string, content: string): GuestFile => ({ path, content: new TextEncoder().encode(content) })

/** Accounts that let programs show names instead of IDs. */
const accounts = [
  text("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"),
  text("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
]

const pack = Effect.fnUntraced(function* (request: InteractiveRequest) {
  const fs = yield* FileSystem.FileSystem
  const noScratch = (cause: { readonly message: string }) =>
    new InitramfsError({ message: `can't write to the temporary directory (TMPDIR): ${cause.message}`, cause })
  const agent = yield* Effect.flatMap(AgentBinary, (binary) => binary.path)
  const busybox = yield* findBusybox
  const prefix = yield* ownTemporaryPrefix()
  const scratch = yield* Effect.mapError(fs.makeTempDirectoryScoped({ prefix }), noScratch)
  const base = yield* packBase({ agent, busybox, includes: request.includes, files: accounts, scratch })
  yield* Effect.forEach(base.warnings, request.onWarning, { discard: true })
  const { size } = yield* Effect.mapError(fs.stat(base.path), noScratch)
  return { path: base.path, bytes: Number(size) }
})

/**
 * Boots a guest and waits until its agent is ready. Closing the scope kills the machine.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bootInteractive: (
  request: InteractiveRequest
) => Effect.Effect<
  LiveGuest,
  InteractiveError,
  Scope.Scope | Vmm | AgentBinary | FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor
> = Effect.fn("InteractiveGuest.boot")(function* (request: InteractiveRequest) {
  const { topology } = request
  const initramfs = yield* pack(request)
  const vm = yield* bootMachine({
    kernel: { image: request.kernel.image, vmlinux: request.kernel.vmlinux },
    initramfs: [initramfs.path],
    cmdline: [
      ...(request.onConsoleLine === undefined ? [] : [`loglevel=${liveLogLevel}`]),
      ...agentCmdline({ mode: "live", deadlineMs: aYearMs }),
      ...request.kargs
    ],
    topology,
    memoryMb: guestMemoryMb({ topology, asked: request.memoryMb, initramfsBytes: initramfs.bytes }),
    ring: defaultRing,
    scratchDiskMb: request.scratchDiskMb,
    clock: "auto"
  })
  if (request.onConsoleLine !== undefined) {
    yield* Effect.forkScoped(Stream.runForEach(vm.console, request.onConsoleLine))
  }
  const bootTimeoutMs = request.bootTimeoutMs ?? 60_000 + 2_000 * topology.cpus
  const online = new OnlineRecord()
  let start: { readonly cpus: CpuSet; readonly timeNs: number } | undefined
  const onEvent = (event: AgentEvent): Effect.Effect<void> => {
    if (event._tag === "Ready") {
      start = { cpus: CpuSet.from(event.topology.cpus.map(({ cpu }) => cpu)), timeNs: event.timeNs }
    } else if (event._tag === "Online" && start !== undefined) {
      online.add(event, start.timeNs)
      const changed = event.changes.length === 0 ? undefined : online.changed(start.cpus)
      if (changed !== undefined) return request.onWarning(changed)
    }
    return Effect.void
  }
  const guest = yield* makeLiveGuest(vm, { ring: defaultRing, bootTimeoutMs, onEvent })
  const difference = notAsAsked(topology, guest.ready.topology, request.kargs)
  if (difference !== undefined) yield* request.onWarning(difference)
  return guest
})
