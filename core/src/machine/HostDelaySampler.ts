/**
 * Measures the host's delay of a machine whose CPUs are threads of this host.
 *
 * @since 0.2.0
 */
import * as fs from "node:fs"
import { Effect, type Scope } from "effect"
import { openThrottling } from "./CpuThrottling.ts"
import { type HostDelayMeter, HostDelayTimeline } from "./HostDelay.ts"

/** Time between two samples, in milliseconds. */
const intervalMs = 25
/** With many threads a sample takes long. The sampler then waits longer between samples, so that it uses at most 1 % of one CPU … */
const minIdlePerSample = 100
/** … but never longer than this many milliseconds. */
const maxIntervalMs = 250
/**
 * A slice longer by this many milliseconds shows that this process did not run either: it was stopped, suspended, or starved together with the
 * machine.
 */
const missedMs = 500
/**
 * A runnable thread whose counters have not changed for this many milliseconds is waiting. Shorter stretches prove nothing: the kernel updates the
 * counters of a running thread only at its tick, which some CPUs get once a second.
 */
const stillMs = 1500
/** Unit of the kernel's `steal` in /proc/stat, in milliseconds (proc(5): USER_HZ). */
const tickMs = 10

/** A file in /proc that is read repeatedly. */
class ProcFile {
  private readonly fd: number
  private buffer = Buffer.alloc(1024)
  constructor(path: string) {
    this.fd = fs.openSync(path, "r")
  }
  read(): string {
    for (;;) {
      const length = fs.readSync(this.fd, this.buffer, 0, this.buffer.length, 0)
      if (length < this.buffer.length) return this.buffer.toString("latin1", 0, length)
      this.buffer = Buffer.alloc(2 * this.buffer.length)
    }
  }
  close(): void {
    fs.closeSync(this.fd)
  }
}

/** The kernel's counters of a thread: milliseconds on a CPU, and milliseconds runnable without one. */
interface Counters {
  readonly cpuMs: number
  readonly waitMs: number
}

const none: Counters = { cpuMs: 0, waitMs: 0 }

/**
 * Parses `/proc/PID/task/TID/schedstat`. Returns undefined if the kernel does not count (it writes zeroes then).
 *
 * @since 0.2.0
 * @category parsing
 */
export const schedCounters = (text: string): { readonly cpuMs: number; readonly waitMs: number } | undefined => {
  const found = /^(\d+) (\d+) (\d+)\s*$/.exec(text)
  if (found === null || found[0].trim() === "0 0 0") return undefined
  return { cpuMs: Number(found[1]) / 1e6, waitMs: Number(found[2]) / 1e6 }
}

/**
 * Parses state and latest CPU from `/proc/PID/task/TID/stat`, whose second field may contain any characters.
 *
 * @since 0.2.0
 * @category parsing
 */
export const threadState = (text: string): { readonly state: string; readonly cpu: number } => {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return { state: fields[0] ?? "", cpu: Number(fields[36]) }
}

/**
 * Parses `/proc/stat`. Returns the time that a hypervisor took from each CPU since this host booted, in milliseconds.
 *
 * @since 0.2.0
 * @category parsing
 */
export const stolenMs = (text: string): ReadonlyMap<number, number> =>
  new Map(
    [...text.matchAll(/^cpu(\d+)(?: \d+){7} (\d+)/gm)].map(([, cpu, ticks]) => [Number(cpu), Number(ticks) * tickMs])
  )

class Thread {
  private readonly schedstat: ProcFile
  private readonly stat: ProcFile
  private last: Counters | undefined
  private stillSince: number | undefined
  /** Whether the thread was counted at least once. */
  counted = false

  constructor(pid: number, tid: number) {
    const folder = `/proc/${pid}/task/${tid}`
    this.schedstat = new ProcFile(`${folder}/schedstat`)
    try {
      this.stat = new ProcFile(`${folder}/stat`)
    } catch (error) {
      this.schedstat.close()
      throw error
    }
  }

  /** Returns how long the thread waited and ran since the last call; undefined if it has ended or the kernel does not count. */
  sample(nowMs: number, sliceMs: number, stolen: (cpu: number) => number): Counters | undefined {
    let now: Counters | undefined
    let where: ReturnType<typeof threadState>
    try {
      now = schedCounters(this.schedstat.read())
      where = threadState(this.stat.read())
    } catch {
      return undefined
    }
    if (now === undefined) return undefined
    this.counted = true
    const { last } = this
    this.last = now
    if (last === undefined) return none
    const cpuMs = now.cpuMs - last.cpuMs
    const waitMs = now.waitMs - last.waitMs
    // Stopped by a signal (SIGSTOP, a debugger): the thread is not runnable, so the kernel counts no delay.
    if (where.state === "T" || where.state === "t") return { cpuMs, waitMs: Math.max(waitMs, sliceMs - cpuMs) }
    if (where.state !== "R") {
      this.stillSince = undefined
      return { cpuMs, waitMs }
    }
    if (cpuMs > 0 || waitMs > 0) {
      this.stillSince = undefined
      // The delay already includes time that a hypervisor took while the thread waited.
      const ranShare = Math.max(0, 1 - waitMs / sliceMs)
      return { cpuMs, waitMs: waitMs + Math.min(sliceMs, stolen(where.cpu)) * ranShare }
    }
    this.stillSince ??= nowMs - sliceMs
    const still = nowMs - this.stillSince
    return { cpuMs, waitMs: still >= stillMs ? still : 0 }
  }

  close(): void {
    this.schedstat.close()
    this.stat.close()
  }
}

/** Measures the time stolen from each CPU since the previous call of `next`. Returns undefined if no hypervisor has ever taken any. */
const openSteal = (): { readonly next: () => (cpu: number) => number; readonly close: () => void } | undefined => {
  let file: ProcFile
  try {
    file = new ProcFile("/proc/stat")
  } catch {
    return undefined
  }
  let before = stolenMs(file.read())
  if ([...before.values()].every((ms) => ms === 0)) {
    file.close()
    return undefined
  }
  return {
    next: () => {
      const now = stolenMs(file.read())
      const was = before
      before = now
      return (cpu) => Math.max(0, (now.get(cpu) ?? 0) - (was.get(cpu) ?? 0))
    },
    close: () => file.close()
  }
}

/**
 * What to measure.
 *
 * @since 0.2.0
 * @category models
 */
export interface HostDelayOptions {
  /** Process that the threads belong to. */
  readonly pid: number
  /** Threads that the machine needs to make progress: those of its CPUs, and the one that runs its timers. */
  readonly threads: ReadonlyArray<number>
  /** How long one CPU may wait for others that take turns on the same thread, in milliseconds. Default 0: each CPU has its own thread. */
  readonly turnMs?: number | undefined
}

class Sampler {
  private readonly threads: ReadonlyArray<Thread>
  private readonly timeline = new HostDelayTimeline(Date.now())
  private readonly steal = openSteal()
  private readonly throttling: ReturnType<typeof openThrottling>
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false
  private readonly refusal: string | undefined
  private readonly turnMs: number

  constructor({ pid, threads, turnMs = 0 }: HostDelayOptions) {
    this.turnMs = turnMs
    const opened: Array<Thread> = []
    let refusal: string | undefined
    for (const tid of threads) {
      try {
        opened.push(new Thread(pid, tid))
      } catch (error) {
        refusal ??= error instanceof Error ? error.message : String(error)
      }
    }
    this.threads = opened
    this.refusal = threads.length === 0 ? "its threads are not known" : refusal
    this.throttling = openThrottling(pid)
    if (this.refusal === undefined) this.tick()
  }

  private tick(): void {
    const began = performance.now()
    this.sample()
    const cost = performance.now() - began
    const pause = Math.min(maxIntervalMs, Math.max(intervalMs, cost * minIdlePerSample))
    // The timer must not keep the process alive.
    this.timer = setTimeout(() => this.tick(), pause)
    this.timer.unref()
  }

  private sample(): void {
    const nowMs = Date.now()
    const sliceMs = nowMs - this.timeline.endedMs
    if (sliceMs <= 0) return
    const stolen = this.steal?.next() ?? (() => 0)
    const counters = this.threads.flatMap((thread) => thread.sample(nowMs, sliceMs, stolen) ?? [])
    const waits = counters.map(({ waitMs }) => waitMs)
    waits.push(Math.min(sliceMs, this.throttling?.next() ?? 0))
    if (sliceMs > intervalMs + missedMs) {
      waits.push(sliceMs - Math.min(sliceMs, Math.max(0, ...counters.map(({ cpuMs }) => cpuMs))))
    }
    this.timeline.add(nowMs, waits)
  }

  readonly read: HostDelayMeter["read"] = () => {
    if (this.refusal !== undefined) return { _tag: "Unknown", why: this.refusal }
    if (!this.closed) this.sample()
    return this.threads.some((thread) => thread.counted)
      ? { _tag: "Known", timeline: this.timeline, turnMs: this.turnMs }
      : { _tag: "Unknown", why: "this host's kernel does not count run delays (CONFIG_SCHED_INFO)" }
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    for (const thread of this.threads) thread.close()
    this.steal?.close()
  }
}

/**
 * Samples the delay of the threads every 25 ms until the scope closes; less often if sampling would use more than 1 % of a CPU. It detects threads
 * that wait for a CPU or are stopped, CPU quotas of their cgroups, time taken by a hypervisor of this host, and periods in which nothing ran on the
 * host.
 *
 * @since 0.2.0
 * @category constructors
 */
export const meterHostDelay = (options: HostDelayOptions): Effect.Effect<HostDelayMeter, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Sampler(options)),
    (sampler) => Effect.sync(() => sampler.close())
  )
