// Reads the kernel's text trace as Perfetto does (Documentation/trace/ftrace.rst), and finds what a viewer would stumble over.

export interface SchedTrace {
  /** By CPU: who got it, in order. */
  readonly switches: ReadonlyMap<
    number,
    ReadonlyArray<{ readonly ns: number; readonly pid: number; readonly comm: string }>
  >
  readonly wakings: number
  /** Empty: every line is an event, none is missing, and each CPU goes from task to task without a gap. */
  readonly problems: ReadonlyArray<string>
}

/** TASK-PID, CPU#, five flags, TIMESTAMP, event. */
const eventLine = /^ *(.+)-(\d+) +\[(\d{3,})\] [\w.]{5} +(\d+)\.(\d{6}): (sched_switch|sched_waking): (.+)$/

const switched =
  /^prev_comm=(.*) prev_pid=(\d+) prev_prio=-?\d+ prev_state=([A-Z]\+?) ==> next_comm=(.*) next_pid=(\d+) next_prio=-?\d+$/

const woken = /^comm=(.*) pid=(\d+) prio=-?\d+ target_cpu=\d{3,}$/

export const readSchedTrace = (text: string): SchedTrace => {
  const lines = text.split("\n")
  const switches = new Map<number, Array<{ ns: number; pid: number; comm: string }>>()
  const problems: Array<string> = []
  let [wakings, events, last] = [0, 0, 0]
  if (lines[0] !== "# tracer: nop") problems.push(`begins with '${lines[0]}'`)
  if (lines.pop() !== "") problems.push("the last line is not whole")
  const counts = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+) +#P:\d+$/m.exec(text)
  for (const line of lines) {
    if (line.startsWith("#")) continue
    events++
    const found = eventLine.exec(line)
    const [, , pid, cpuText, seconds, micros, event, args = ""] = found ?? []
    const ns = Number(seconds) * 1e9 + Number(micros) * 1000
    const [to, wake] = [event === "sched_switch" ? switched.exec(args) : null, woken.exec(args)]
    if (found === null || (to === null && wake === null)) {
      problems.push(`not understood: ${line}`)
      continue
    }
    if (ns < last) problems.push(`goes back in time: ${line}`)
    last = ns
    if (to === null) {
      wakings++
      continue
    }
    const cpu = Number(cpuText)
    const of = switches.get(cpu) ?? []
    const before = of.at(-1)
    if (to[2] !== pid || (before !== undefined && before.pid !== Number(to[2]))) {
      problems.push(`CPU ${cpu} was task ${before?.pid}'s: ${line}`)
    }
    of.push({ ns, pid: Number(to[5]), comm: to[4] ?? "" })
    switches.set(cpu, of)
  }
  if (counts === null || Number(counts[1]) !== events || counts[1] !== counts[2]) {
    problems.push(`${events} events of ${counts?.[1]} kept, ${counts?.[2]} written`)
  }
  return { switches, wakings, problems }
}
