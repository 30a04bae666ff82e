/**
 * Proof of the agent on a real kernel. Not part of the unit tests: each case boots a machine.
 *
 *   KTSTR_AGENT=build/ktstr-agent KTSTR_CLIENT=build/test/telemetry_client KTSTR_VMLINUX=/path/of/vmlinux npx vite-node native/agent/test/boot.ts [name…]
 */
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { Command, type GuestProgram } from "../../../core/src/protocol/Command.ts"
import { WorkProgram as P } from "../../../core/src/work/Program.ts"
import { type GuestOptions, type GuestRun, runGuest } from "./guest.ts"
import { all, checkWorkTypes, good, ms, show, spawnOf, spinWait, workTypes } from "./workloads.ts"

interface Case {
  readonly options: GuestOptions
  readonly check: (run: GuestRun) => void
}

const hold = [
  spawnOf(1, "SpinWait", spinWait, { count: 2 }),
  Command.Start({ groups: [1] }),
  Command.Hold({ ns: ms(500) }),
  Command.Stop({ groups: [1] }),
  Command.End()
]

/** A line for the shell that is in the guest as /bin/sh. */
const program = (id: number, line: string, more: Partial<GuestProgram>) =>
  Command.ProcRun({
    id,
    cgroup: "",
    argv: ["/bin/sh", "-c", line],
    environment: [],
    directory: "",
    terminal: undefined,
    input: false,
    deadlineNs: 0,
    credit: 65_536,
    paced: false,
    ...more
  })

const cases: Record<string, Case> = {
  serial: { options: workTypes, check: checkWorkTypes },
  ring: { options: { ...workTypes, ring: true }, check: checkWorkTypes },
  crash: {
    options: { plan: hold, cmdline: ["ktstr.fault=crash"] },
    check: (run) => assert.match(run.console, /Attempted to kill init/)
  },
  torn: {
    options: { plan: hold, cmdline: ["ktstr.fault=torn"] },
    check: (run) => assert.match(run.error ?? "", /stream ends/)
  },
  tornRing: {
    options: { plan: hold, ring: true, cmdline: ["ktstr.fault=torn"] },
    check: (run) => assert.match(run.error ?? "", /stream ends/)
  },
  crc: { options: { plan: hold, cmdline: ["ktstr.fault=crc"] }, check: (run) => assert.match(run.error ?? "", /CRC/) },
  hang: {
    options: { plan: hold, cmdline: ["ktstr.fault=hang", "ktstr.deadline_ms=1000"] },
    check: (run) => {
      assert.equal(run.events.length, 0)
      assert.equal(run.timedOut, false)
      assert.match(run.console, /deadline has passed/)
    }
  },
  mute: {
    options: { plan: hold, cmdline: ["ktstr.fault=mute"] },
    check: (run) => {
      assert.deepEqual(
        run.events.map((e) => e._tag),
        ["Ready"]
      )
      assert.equal(run.timedOut, false)
    }
  },
  deadline: {
    options: { plan: [...hold.slice(0, 2), Command.Hold({ ns: ms(60_000) })], cmdline: ["ktstr.deadline_ms=1500"] },
    check: (run) => {
      assert.match(all(run, "Error")[0]?.message ?? "", /deadline of 1500 ms/)
      assert.equal(all(run, "Report").length, 2)
      assert.equal(all(run, "Done")[0]?.ok, false)
    }
  },
  typo: {
    options: { plan: [Command.CgroupWrite({ path: "nonexistent", file: "cpuset.cpus", value: "0" }), Command.End()] },
    check: (run) => {
      assert.equal(
        all(run, "Error")[0]?.message,
        'No such file or directory: /sys/fs/cgroup/nonexistent/cpuset.cpus: "0"'
      )
      assert.equal(all(run, "Done")[0]?.ok, false)
    }
  },
  typoMove: {
    options: { plan: [...hold.slice(0, 2), spawnOf(2, "x", spinWait, { cgroup: "nonexistent" }), Command.End()] },
    check: (run) => {
      assert.equal(all(run, "Error")[0]?.message, "No such file or directory: /sys/fs/cgroup/nonexistent/cgroup.procs")
      assert.equal(all(run, "Report").length, 2)
    }
  },
  badAffinity: {
    options: { plan: [spawnOf(2, "x", spinWait, { worker: { affinity: [77] } })] },
    check: (run) => assert.match(all(run, "Error")[0]?.message ?? "", /^Invalid argument: affinity 77 of worker 0/)
  },
  badNodes: {
    options: {
      plan: [
        Command.CgroupCreate({ path: "a", controllers: ["cpuset"] }),
        spawnOf(2, "x", spinWait, { cgroup: "a", worker: { memPolicy: { mode: 2, flags: 0, nodes: [3] } } })
      ]
    },
    check: (run) => assert.match(all(run, "Error")[0]?.message ?? "", /node 3 is not in the cgroup's 0/)
  },
  garbage: {
    options: { rawPlan: new Uint8Array(40).fill(7) },
    check: (run) => assert.match(all(run, "Error")[0]?.message ?? "", /^Frame at offset 0: length/)
  },
  kill: {
    options: {
      plan: [
        spawnOf(1, "SpinWait", spinWait, { count: 2 }),
        spawnOf(2, "Stuck", P.make({ body: [P.exec("/stuck")] })),
        Command.Start({ groups: [1, 2] }),
        Command.Hold({ ns: ms(500) }),
        Command.KillWorker({ group: 1, index: 1, signal: 9 }),
        Command.Hold({ ns: ms(500) }),
        Command.Stop({ groups: [1, 2] }),
        Command.End()
      ],
      files: {}
    },
    check: (run) => {
      good(run)
      const [a, b, c] = all(run, "Report")
      assert.ok(a!.completed)
      assert.equal(b!.exitKind, 2)
      assert.equal(b!.exitValue, 9)
      assert.ok(b!.workUnits > 0 && b!.cpuTimeNs > 0 && b!.wallTimeNs < ms(900))
      assert.equal(c!.exitKind, 1)
      assert.equal(c!.exitValue, 127)
    }
  },
  exec: {
    options: {
      plan: [
        spawnOf(1, "polite", P.make({ body: [P.exec("/client")] })),
        spawnOf(2, "deaf", P.make({ body: [P.exec("/client", ["client", "deaf"])] })),
        spawnOf(3, "status", P.make({ body: [P.exec("/client", ["client", "7"])] })),
        Command.Start({ groups: [1, 2, 3] }),
        Command.Hold({ ns: ms(500) }),
        Command.ReadCounters(),
        Command.Stop({ groups: [1, 2, 3] }),
        Command.End()
      ],
      files: { client: readFileSync(process.env.KTSTR_CLIENT ?? "/dev/null") }
    },
    check: (run) => {
      good(run)
      const [polite, deaf, status] = all(run, "Report")
      assert.ok(all(run, "Counters")[0]!.counters.every((c) => c.iterations > 10))
      assert.ok(polite!.completed && polite!.iterations > 10 && polite!.workUnits === 2 * polite!.iterations)
      assert.ok(deaf!.completed && deaf!.wallTimeNs > ms(1400) && deaf!.schedTimesRun > 0)
      assert.deepEqual([status!.completed, status!.exitKind, status!.exitValue], [false, 1, 7])
    }
  },
  numa: {
    options: {
      smp: "4,sockets=2,cores=2",
      memoryBackends: false,
      machine: [
        ...["-object", "memory-backend-ram,id=m0,size=512M", "-object", "memory-backend-ram,id=m1,size=512M"],
        ...["-numa", "node,nodeid=0,cpus=0-1,memdev=m0", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1"],
        ...["-numa", "dist,src=0,dst=1,val=21"]
      ],
      plan: [
        Command.CgroupCreate({ path: "n1", controllers: ["cpuset", "cpu"] }),
        Command.CgroupWrite({ path: "n1", file: "cpuset.cpus", value: "2-3" }),
        Command.CgroupWrite({ path: "n1", file: "cpuset.mems", value: "1" }),
        spawnOf(1, "Bound", P.make({ body: [P.walk(8 << 20, 4096)] }), {
          cgroup: "n1",
          worker: { memPolicy: { mode: 2, flags: 0, nodes: [1] }, affinity: [3], policy: 3, nice: 7 }
        }),
        spawnOf(2, "Batch", P.make({ body: [P.walk(8 << 20, 4096)] }), {
          worker: { memPolicy: { mode: 2, flags: 0x8000, nodes: [0] }, affinity: [0], policy: 2, priority: 3 }
        }),
        Command.Start({ groups: [1, 2] }),
        Command.Hold({ ns: ms(300) }),
        Command.Stop({ groups: [1, 2] }),
        spawnOf(3, "Outside", spinWait, { cgroup: "n1", worker: { memPolicy: { mode: 2, flags: 0, nodes: [0] } } }),
        Command.End()
      ]
    },
    check: (run) => {
      const [bound, batch] = all(run, "Report")
      assert.ok(bound!.numaPages.find((n) => n.node === 1)!.pages >= 2048)
      assert.deepEqual([bound!.allowedCpus, bound!.policy, bound!.nice], [[3], 3, 7])
      assert.ok(batch!.numaPages.find((n) => n.node === 0)!.pages >= 2048)
      assert.equal(batch!.policy, 2)
      assert.match(all(run, "Error")[0]!.message, /node 0 is not in the cgroup's 1/)
      const { cpus, nodes } = all(run, "Ready")[0]!.topology
      assert.deepEqual(
        cpus.map((c) => [c.node, c.package]),
        [
          [0, 0],
          [0, 0],
          [1, 1],
          [1, 1]
        ]
      )
      assert.deepEqual(
        nodes.map((n) => [n.cpulist, n.distances]),
        [
          ["0-1", [10, 21]],
          ["2-3", [21, 10]]
        ]
      )
    }
  },
  ringFull: {
    options: {
      plan: [
        ...Array.from({ length: 40 }, () => Command.Mark({ kind: "fill", detail: "x".repeat(4000) })),
        Command.Hold({ ns: ms(60_000) }),
        Command.End()
      ],
      ring: true,
      ringSize: 65_536,
      readRing: false
    },
    check: (run) => {
      assert.match(run.console, /ktstr-agent: ring full/)
      assert.equal(run.timedOut, false)
      assert.deepEqual(
        run.events.map((e) => e._tag),
        ["Ready"]
      )
    }
  },
  stop: {
    options: {
      plan: [
        spawnOf(1, "Frozen", spinWait, { count: 1, worker: { nice: 5 } }),
        Command.Start({ groups: [1] }),
        Command.Hold({ ns: ms(300) }),
        Command.KillWorker({ group: 1, index: 0, signal: 19 }),
        Command.Stop({ groups: [1] }),
        Command.End()
      ]
    },
    check: (run) => {
      good(run)
      const [r] = all(run, "Report")
      assert.equal(r!.exitKind, 3)
      assert.ok(r!.maxGapNs > 4e9)
      assert.equal(r!.nice, 5)
    }
  },
  many: {
    options: {
      smp: "4",
      plan: [
        Command.CgroupCreate({ path: "many", controllers: ["cpuset", "cpu"] }),
        spawnOf(1, "SpinWait", spinWait, { count: 64, cgroup: "many" }),
        spawnOf(
          2,
          "FutexPingPong",
          P.make({
            body: [
              P.roles([
                [P.post(0), P.await(1)],
                [P.await(0), P.post(1)]
              ])
            ]
          }),
          { count: 32, size: 2, cgroup: "many" }
        ),
        Command.Start({ groups: [1, 2] }),
        Command.Hold({ ns: ms(2000) }),
        Command.End()
      ],
      ring: true
    },
    check: (run) => {
      good(run)
      assert.equal(all(run, "Report").length, 96)
      assert.ok(all(run, "Report").every((r) => r.completed))
    }
  },
  loop: {
    options: {
      plan: [
        spawnOf(1, "SpinWait", spinWait, { count: 2 }),
        Command.Start({ groups: [1] }),
        Command.LoopBegin({ totalNs: ms(1000), intervalNs: ms(200) }),
        Command.Mark({ kind: "loop", detail: "" }),
        Command.CgroupCreate({ path: "l", controllers: ["cpuset", "cpu"] }),
        Command.CgroupMoveGroup({ group: 1, to: "l" }),
        Command.CgroupRemove({ path: "l" }),
        Command.LoopEnd(),
        Command.End()
      ]
    },
    check: (run) => {
      good(run)
      const marks = all(run, "Stimulus")
      // Moving cgroups is slow under emulation: a body may outlast its interval, but none starts early.
      assert.ok(marks.length >= 3 && marks.length <= 5, `${marks.length} turns`)
      for (const [i, m] of marks.entries()) {
        const drift = m.timeNs - marks[0]!.timeNs - i * ms(200)
        assert.ok(drift > -ms(1), `turn ${i} is ${drift} ns off`)
      }
    }
  },
  live: {
    options: {
      cmdline: ["ktstr.mode=live"],
      onEvent: (event, send) => {
        const script: ReadonlyArray<Command> = [
          Command.CgroupCreate({ path: "live", controllers: ["cpuset", "cpu"] }),
          Command.CgroupWrite({ path: "nope", file: "cpuset.cpus", value: "0" }),
          spawnOf(1, "SpinWait", spinWait, { count: 2, cgroup: "live" }),
          Command.Start({ groups: [1] }),
          Command.Hold({ ns: ms(300) }),
          Command.ReadCounters(),
          Command.LoopEnd(),
          Command.Stop({ groups: [1] }),
          Command.End()
        ]
        const next = event._tag === "Ready" ? 0 : event._tag === "Reply" ? event.command + 1 : -1
        const command = script[next]
        if (command !== undefined) send(command)
      }
    },
    check: (run) => {
      good(run)
      assert.deepEqual(
        all(run, "Reply").map((r) => r.ok),
        [true, false, true, true, true, true, false, true, true]
      )
      assert.equal(all(run, "Report").length, 2)
    }
  },
  // 100 MB of output neither delay the plan nor reach the host.
  processes: {
    options: {
      ring: true,
      files: { "bin/sh": readFileSync("/bin/busybox") },
      plan: [
        Command.CgroupCreate({ path: "p", controllers: ["cpuset", "cpu"] }),
        Command.CgroupWrite({ path: "p", file: "cpuset.cpus", value: "1" }),
        program(1, "cat /proc/self/cgroup; grep Cpus_allowed_list /proc/self/status; exit 3", { cgroup: "p" }),
        Command.ProcWait({ id: 1, timeoutNs: ms(10_000) }),
        program(2, "head -c 100000000 /dev/zero", {}),
        Command.Mark({ kind: "before", detail: "" }),
        Command.Hold({ ns: ms(1000) }),
        Command.Mark({ kind: "after", detail: "" }),
        Command.ProcWait({ id: 2, timeoutNs: ms(60_000) }),
        program(3, "tty; stty size", { terminal: { rows: 33, columns: 101 } }),
        program(4, "sleep 100", { deadlineNs: ms(300) }),
        program(5, "sleep 100", {}),
        Command.ProcKill({ id: 5, signal: 15 }),
        Command.Hold({ ns: ms(1000) }),
        program(6, "sleep 100", {}),
        Command.End()
      ]
    },
    check: (run) => {
      good(run)
      const output = (id: number) =>
        Buffer.concat(all(run, "ProcOutput").flatMap((part) => (part.id === id ? [part.bytes] : [])))
      assert.equal(output(1).toString(), "0::/p\nCpus_allowed_list:\t1\n")
      assert.equal(output(2).length, 65_536)
      assert.equal(output(3).toString(), "/dev/pts/0\r\n33 101\r\n")
      const ends = all(run, "ProcExit").map((end) => [end.id, end.kind, end.value, end.dropped])
      assert.deepEqual(
        ends.sort(([a], [b]) => a! - b!),
        [
          [1, 0, 3, 0],
          [2, 0, 0, 100_000_000 - 65_536],
          [3, 0, 0, 0],
          [4, 2, 9, 0],
          [5, 1, 15, 0],
          [6, 1, 9, 0]
        ]
      )
      const [before, after] = all(run, "Stimulus")
      const late = after!.timeNs - before!.timeNs - ms(1000)
      assert.ok(late < ms(20), `the hold was ${late} ns too long`)
    }
  },
  liveGarbage: {
    options: {
      cmdline: ["ktstr.mode=live"],
      onEvent: (event, _send, raw) => {
        if (event._tag === "Ready") raw(new Uint8Array(64).fill(0xee))
      }
    },
    check: (run) => {
      assert.match(all(run, "Error")[0]?.message ?? "", /^Frame at offset 0/)
      assert.equal(all(run, "Done")[0]?.ok, false)
    }
  }
}

const wanted = process.argv.slice(2)
let failed = 0
for (const [name, { options, check }] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const run = await runGuest(options)
  let verdict = "ok"
  try {
    check(run)
  } catch (problem) {
    failed += 1
    verdict = `FAILED ${problem instanceof Error ? problem.message : problem}\n${run.console.split("\n").slice(-12).join("\n")}`
  }
  console.log(`${name}: ${verdict} (${run.wallMs} ms, ${run.events.length} events${run.error ? `, ${run.error}` : ""})`)
  if (verdict !== "ok" || process.env.SHOW !== undefined) show(run)
}
process.exitCode = failed > 0 ? 1 : 0
