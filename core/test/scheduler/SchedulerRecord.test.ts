import { describe, expect, it } from "@effect/vitest"
import { AgentEvent, type SchedulerTelemetry } from "../../src/protocol/index.ts"
import { kernelReason, SchedulerRecord, schedulerCauses } from "../../src/scheduler/index.ts"

const text = (words: string) => new TextEncoder().encode(words)
const output = (words: string, tail = false) => AgentEvent.SchedOutput({ tail, bytes: text(words) })

const end = (changes: Partial<SchedulerTelemetry> = {}): SchedulerTelemetry => ({
  timeNs: 1,
  cause: "by itself",
  kind: "exited",
  value: 1,
  durationNs: 5,
  dropped: 0,
  rejected: 0,
  state: "disabled",
  kernelLog: [],
  message: "scheduler process died unexpectedly after completing step 2 of 5 (12.3s into test)",
  ...changes
})

const recordOf = (...events: ReadonlyArray<AgentEvent>): SchedulerRecord => {
  const record = new SchedulerRecord()
  for (const event of events) record.add(event)
  return record
}

const stall = [
  'sched_ext: BPF scheduler "qmap" enabled',
  'sched_ext: BPF scheduler "qmap" disabled (runnable task stall)',
  "sched_ext: qmap: spin[42] failed to run for 5.120s",
  "   scx_watchdog_workfn+0x154/0x1d0"
]

describe("SchedulerRecord", () => {
  it("joins what was printed, with a line where something is left out", () => {
    const record = recordOf(
      output("one\ntw"),
      output("o\n"),
      output("nine\n", true),
      output("ten\n", true),
      AgentEvent.SchedEnded(end({ dropped: 70_000 })),
      output("again\n")
    )
    expect(record.log).toEqual(["one", "two", "… 70000 bytes of output left out …", "nine", "ten", "again"])
  })

  it("is not confused by bytes that are no text", () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0xc3, 0x0a, 0x62)
    expect(recordOf(AgentEvent.SchedOutput({ tail: false, bytes })).log).toEqual(["a\ufffd\ufffd", "b"])
  })

  it("bounds what it keeps", () => {
    const chunk = AgentEvent.SchedOutput({ tail: false, bytes: text("x".repeat(32_767).concat("\n")) })
    const record = recordOf(...Array.from({ length: 400 }, () => chunk))
    expect(record.log).toHaveLength(128)
  })

  it("takes the dumps out of what trace_pipe says", () => {
    const bytes = text(
      "           <...>-77      [001] d..2.    12.3: sched_ext_dump: CPU states\n  x [0] ..: sched_ext_dump:   R a[1]\n"
    )
    expect(recordOf(AgentEvent.SchedDump({ bytes })).dump).toEqual(["CPU states", "  R a[1]"])
  })
})

describe("why a scheduler ended", () => {
  it("is the kernel's reason where it gives one", () => {
    expect(kernelReason(end({ kernelLog: stall }))).toBe("runnable task stall: spin[42] failed to run for 5.120s")
    expect(schedulerCauses(recordOf(output("bye\n"), AgentEvent.SchedEnded(end({ kernelLog: stall }))))).toEqual([
      "scheduler process died unexpectedly after completing step 2 of 5 (12.3s into test); the kernel's reason: runnable task stall: spin[42] failed to run for 5.120s",
      "its process exited with status 1"
    ])
  })

  it("is its last line where the kernel has nothing to say", () => {
    const kernelLog = ['sched_ext: BPF scheduler "x" disabled (unregistered from user space)']
    const causes = schedulerCauses(
      recordOf(output("a\npanic: bad\n\n"), AgentEvent.SchedEnded(end({ kernelLog, kind: "signaled", value: 11 })))
    )
    expect(causes).toEqual([
      "scheduler process died unexpectedly after completing step 2 of 5 (12.3s into test); its process died of signal 11",
      "its last words: panic: bad"
    ])
  })

  it("is the verifier's objection where it refused a program", () => {
    const message = "scheduler scx_a exited with status 1 before it attached (7.3s after its start)"
    const says = (log: string) =>
      schedulerCauses(recordOf(output(log), AgentEvent.SchedEnded(end({ cause: "never attached", message }))))
    const begins = "libbpf: prog 'enqueue': BPF program load failed: Argument list too long\nlibbpf: prog 'enqueue': "
    const statistics = "processed 106630 insns (limit 1000000) max_states_per_insn 4 total_states 2065"
    expect(
      says(
        `${begins}-- BEGIN PROG LOAD LOG --\n0: R1=ctx()\nThe sequence of 8193 jumps is too complex.\n${statistics}\n-- END PROG LOAD LOG --\nscx_a: bye\n`
      )
    ).toEqual([
      "the kernel's verifier refused program enqueue: The sequence of 8193 jumps is too complex (Argument list too long)",
      message,
      `the verifier's last line: ${statistics}`,
      "its last words: scx_a: bye"
    ])
    expect(
      says(
        `${begins}-- BEGIN PROG LOAD LOG --\nR0 invalid mem access 'x'\n\nVerification failed: Invalid dereference\n\nReason:\n  R0 may be NULL.\n${statistics}\n-- END PROG LOAD LOG --\n`
      )[0]
    ).toContain(": R0 invalid mem access 'x' (Argument")
    // A program whose loader gave up for another reason, and one that got no log.
    expect(says("bad option\n")).toEqual([message, "its last words: bad option"])
    expect(says(`${begins}-- BEGIN PROG LOAD LOG --\n-- END PROG LOAD LOG --\n`)[0]).toBe(
      "the kernel's verifier refused program enqueue: it gives no reason (Argument list too long)"
    )
  })

  it("is the worker watchdog's own finding, whatever follows from it", () => {
    const message =
      "scheduler stalled during step 1 of 1 (2.9s into test): worker 0 of a was runnable for 2.1s and did not run"
    const [first, second, ...rest] = schedulerCauses(
      recordOf(output("bye\n"), AgentEvent.SchedEnded(end({ cause: "watchdog", message })))
    )
    expect([first, rest]).toEqual([message, []])
    expect(second).toMatch(/worker watchdog/)
  })

  it("is nothing when it was told to", () => {
    expect(schedulerCauses(recordOf(AgentEvent.SchedEnded(end({ cause: "told to", message: "" }))))).toEqual([])
  })
})

describe("a scheduler that did not stop in good order", () => {
  const message = "scheduler scx_userland had to be killed while it was stopped"
  const frame = "o-----------o\n| disp:  23 |\no-----------o\n"

  it("is known from one that ended by itself, and its last output is not taken for a reason", () => {
    const late = recordOf(output(frame), AgentEvent.SchedEnded(end({ cause: "told to", kind: "killed", message })))
    expect(late.failedAtStop).toBe(true)
    expect(schedulerCauses(late)).toEqual([message])
    expect(recordOf(AgentEvent.SchedEnded(end({ cause: "by itself" }))).failedAtStop).toBe(false)
    expect(recordOf().failedAtStop).toBe(false)
  })

  it("has last words with letters in them, of one that ended by itself", () => {
    const died = recordOf(output(frame), AgentEvent.SchedEnded(end({ cause: "by itself" })))
    expect(schedulerCauses(died).at(-1)).toBe("its last words: | disp:  23 |")
  })
})
