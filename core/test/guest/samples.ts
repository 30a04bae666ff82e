/** One of everything the protocol can say; both ends are held to their bytes by core/test/vectors/protocol.txt. */
import { AgentEvent } from "../../src/protocol/AgentEvent.ts"
import { Command } from "../../src/protocol/Command.ts"
import { WorkProgram as P, type WorkProgram } from "../../src/work/Program.ts"

export const programs: Readonly<Record<string, WorkProgram>> = {
  spin: P.make({ body: [P.spin(1024)] }),
  everyOpcode: P.make({
    setup: [P.map(0, 4_194_304, { noHugePages: true }), P.map(7, 4096), P.setAffinity("initial")],
    body: [
      P.spin(1),
      P.yieldNow,
      P.sleep("100 micros"),
      P.post(3, 4),
      P.await(2),
      P.pipeWrite(0),
      P.pipeRead(1, 64),
      P.walk(32_768, 64, 2),
      P.matmul(16, 3),
      P.touch(0, 256, { random: true }),
      P.touch(7, 1),
      P.discard(0),
      P.fileWrite(65_536),
      P.fileRead(8192, 4096, { span: 1_048_576, random: true, direct: true }),
      P.fileSync,
      P.setNice(-20),
      P.setPolicy("Fifo", 99),
      P.setPolicy("Idle"),
      P.setAffinity("random"),
      P.setAffinity([5, 1, 3]),
      P.forkExit,
      P.lock(63),
      P.unlock(63),
      P.repeat(2, [P.spin(7)]),
      P.forDuration("50 millis", [P.spin(1024), P.yieldNow]),
      P.cycle([[P.spin(1)], [], [P.spin(3), P.spin(4)]]),
      P.roles([[P.post(0)], [P.await(0), P.spin(9)]])
    ],
    teardown: [P.setNice(0), P.exec("/bin/true", ["true", "-x"])]
  }),
  nested: P.make({
    body: [
      P.repeat(3, [
        P.cycle([[P.roles([[P.spin(1)], [P.cycle([[P.spin(2)], [P.spin(3)]])]])], [P.forDuration(1n, [P.yieldNow])]])
      ])
    ]
  })
}

const program = Uint8Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0)
const plain = { affinity: undefined, policy: 0, priority: 0, nice: 0, memPolicy: undefined }

export const commands: ReadonlyArray<Command> = [
  Command.Config({ symbols: ["runqueues", "_text"], sysctls: [{ name: "kernel.panic", value: "-1" }] }),
  Command.Config({ symbols: [], sysctls: [] }),
  Command.End(),
  Command.Hold({ ns: 2_000_000_000 }),
  Command.StepBegin({ index: 1, count: 5, label: 'warm "up" ä€😀' }),
  Command.StepEnd({ index: 1 }),
  Command.LoopBegin({ totalNs: 2_000_000_000, intervalNs: 100_000_000 }),
  Command.LoopEnd(),
  Command.Mark({ kind: "SetCpuset", detail: "cg_0 0-3" }),
  Command.CgroupCreate({ path: "a/b", controllers: ["cpuset", "cpu"] }),
  Command.CgroupRemove({ path: "a" }),
  Command.CgroupWrite({ path: "a/b", file: "cpuset.cpus", value: "0-3,5" }),
  Command.CgroupRead({ path: "a/b", file: "cpu.stat" }),
  Command.CgroupMoveAll({ from: "a/b", to: "" }),
  Command.CgroupMoveGroup({ group: 7, to: "a" }),
  Command.Spawn({
    group: 7,
    cgroup: "a/b",
    label: "YieldHeavy",
    groupSize: 1,
    channels: 0,
    program,
    workers: [
      { index: 0, ...plain },
      { index: 1, ...plain, affinity: [0, 3, 4095], policy: 1, priority: 50 },
      { index: 2, ...plain, policy: 7, nice: -20, memPolicy: { mode: 2, flags: 0x8000, nodes: [1, 0] } },
      { index: 3, ...plain, affinity: [], nice: 19, memPolicy: { mode: 0, flags: 0, nodes: [] } }
    ]
  }),
  Command.Start({ groups: [1, 2, 7] }),
  Command.Stop({ groups: [7] }),
  Command.SetAffinity({ group: 7, cpus: [[0, 1], [], [2]] }),
  Command.ReadCounters(),
  Command.KillWorker({ group: 7, index: 3, signal: 9 }),
  Command.StartOffsets({ group: 7, ns: [0, 4_000_000] }),
  Command.Interrupts({ seed: 5, meanNs: 500_000 }),
  Command.SchedConfig({
    name: "scx_mine",
    builtin: false,
    start: ["/usr/bin/scx_mine", "--slice", "5000"],
    stop: [],
    startTimeoutNs: 60_000_000_000,
    watchdogNs: 2_000_000_000,
    timeoutMs: 4000
  }),
  Command.SchedConfig({
    name: "features",
    builtin: true,
    start: ["/bin/sh", "-c", "echo a"],
    stop: ["/bin/sh", "-c", "echo b"],
    startTimeoutNs: 1,
    watchdogNs: 0,
    timeoutMs: 0
  }),
  Command.SchedStart(),
  Command.SchedStop(),
  Command.ProcRun({
    id: 1,
    cgroup: "",
    argv: ["/bin/sh", "-i"],
    environment: [{ name: "TERM", value: "xterm-256color" }],
    directory: "/root",
    terminal: { rows: 33, columns: 101 },
    input: true,
    deadlineNs: 0,
    credit: 1_048_576,
    paced: true
  }),
  Command.ProcRun({
    id: 2,
    cgroup: "a/b",
    argv: ["schbench"],
    environment: [],
    directory: "",
    terminal: undefined,
    input: false,
    deadlineNs: 5_000_000_000,
    credit: 65_536,
    paced: false
  }),
  Command.ProcInput({ id: 1, bytes: Uint8Array.of(0x6c, 0x73, 0x0a, 0x00, 0xff) }),
  Command.ProcInput({ id: 1, bytes: new Uint8Array() }),
  Command.ProcResize({ id: 1, rows: 50, columns: 132 }),
  Command.ProcWait({ id: 2, timeoutNs: 10_000_000_000 }),
  Command.ProcKill({ id: 2, signal: 15 }),
  Command.ProcCredit({ id: 1, bytes: 262_144 }),
  Command.ProcStop({ ids: [1, 2], signal: 15, graceNs: 5_000_000_000 })
]

export const events: ReadonlyArray<AgentEvent> = [
  AgentEvent.Ready({
    version: 2,
    transport: "ring",
    release: "7.3.4+deb13-amd64",
    kernelVersion: "#1 SMP",
    timeNs: 1_234_567_890_123,
    topology: {
      cpus: [
        { cpu: 0, node: 0, package: 0, coreId: 0, llcId: 0, threadSiblings: "0-1", llcShared: "0-1" },
        { cpu: 1, node: 0, package: 0, coreId: 0, llcId: 0, threadSiblings: "0-1", llcShared: "0-1" }
      ],
      nodes: [
        { node: 0, cpulist: "0-1", memTotalKb: 1_000_000, distances: [10, 20] },
        { node: 1, cpulist: "", memTotalKb: 5, distances: [20, 10] }
      ]
    },
    symbols: [],
    notes: "mount bpf on /sys/fs/bpf: No such device; "
  }),
  AgentEvent.Symbols({ symbols: [{ name: "_text", address: 0xffffffff81000000n }], kernelCodeStart: 0x1000000n }),
  AgentEvent.Log({ level: "warning", text: "worker 1 died of signal 9" }),
  AgentEvent.Stimulus({ timeNs: 42, step: 0xffffffff, kind: "op", detail: "SetCpuset cg_0", iterations: 99_000 }),
  AgentEvent.Step({ timeNs: 43, index: 1, count: 5, begin: true, label: "warm up" }),
  AgentEvent.Error({
    timeNs: 44,
    waitedNs: 30,
    errno: 2,
    where: "CGROUP_WRITE x/cgroup.procs",
    message: "No such file or directory: /sys/fs/cgroup/x/cgroup.procs"
  }),
  AgentEvent.Counters({
    timeNs: 45,
    counters: [
      { group: 7, index: 0, iterations: 10, workUnits: 10_240 },
      { group: 7, index: 1, iterations: 0, workUnits: 0 }
    ]
  }),
  AgentEvent.Latencies({ group: 7, index: 1, latenciesNs: [1, 2_000_000_000, 3] }),
  AgentEvent.Report({
    group: 7,
    index: 1,
    cgroup: "a/b",
    label: "PipeIo",
    role: 1,
    tid: 77,
    workUnits: 10_240,
    iterations: 10,
    cpuTimeNs: 900,
    wallTimeNs: 1000,
    startTimeNs: 5000,
    cpusUsed: [0, 64, 4095],
    migrationCount: 2,
    migrations: [
      { from: 0, to: 64, timeNs: 5100 },
      { from: 64, to: 4095, timeNs: 5200 }
    ],
    maxGapNs: 300,
    maxGapCpu: 64,
    maxGapAtNs: 150,
    wakeSeen: 3,
    wakeKept: 3,
    schedCpuTimeNs: 800,
    schedRunDelayNs: 50,
    schedTimesRun: 4,
    numaPages: [
      { node: 0, pages: 12 },
      { node: 2, pages: 1 }
    ],
    numaPagesMigrated: 6,
    completed: false,
    exitKind: "signaled",
    exitValue: 9,
    allowedCpus: [0, 1],
    nice: -5,
    policy: 3
  }),
  AgentEvent.Reply({
    timeNs: 45,
    waitedNs: 0,
    command: 12,
    ok: false,
    errno: 2,
    message: "No such file or directory: group 9"
  }),
  AgentEvent.Done({ timeNs: 46, ok: true, workers: 4 }),
  AgentEvent.Progress({ timeNs: 47, elapsedNs: 250_000_000, holdNs: 2_000_000_000 }),
  AgentEvent.CgroupFile({ path: "a/b", file: "cpu.stat", text: "usage_usec 17\nuser_usec 5\n" }),
  AgentEvent.Schedstat({ text: "version 17\ncpu0 0 0 12\n" }),
  AgentEvent.Trace({ bytes: new TextEncoder().encode("# t\n") }),
  AgentEvent.Online({
    timeNs: 50,
    changes: [
      { cpu: 3, online: false },
      { cpu: 3, online: true }
    ],
    online: "0-3",
    isolated: "2-3"
  }),
  AgentEvent.SchedStarted({ timeNs: 48, attachNs: 345_000_000, ops: "mine", enableSeq: 1, rejected: 0 }),
  AgentEvent.SchedEnded({
    timeNs: 49,
    cause: "by itself",
    kind: "signaled",
    value: -11,
    durationNs: 12_300_000_000,
    dropped: 99_999_999,
    rejected: 3,
    state: "disabled",
    kernelLog: ['sched_ext: BPF scheduler "mine" disabled (runtime error)', "sched_ext: mine: bad"],
    message: "scheduler process died unexpectedly after completing step 2 of 5 (12.3s into test)"
  }),
  AgentEvent.SchedOutput({ tail: true, bytes: Uint8Array.of(0x68, 0x0a, 0xff) }),
  AgentEvent.SchedDump({ bytes: Uint8Array.of(0x20, 0x0a) }),
  AgentEvent.ProcOutput({ id: 1, stream: "stderr", bytes: Uint8Array.of(0x68, 0x69, 0x00, 0xff) }),
  AgentEvent.ProcExit({
    id: 1,
    kind: "not run",
    value: 2,
    durationNs: 1_000_000,
    dropped: 17,
    stopped: true,
    message: "No such file or directory: nonesuch"
  }),
  AgentEvent.ProcTaken({ id: 1, bytes: 4096 })
]
