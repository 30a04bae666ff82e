// The scheduler of native/bpf by itself, in one machine: it attaches and leaves, and each knob that ends it says what it should.
import { execFileSync, spawnSync } from "node:child_process"
import { join } from "node:path"
import { beforeAll, describe, expect, inject, it } from "vitest"
import { ktstr, root } from "./ktstr.ts"

const program = join(root, "native/bpf/build/scx_ktstr")

/** Arguments of one life of the scheduler, each under load on every CPU. */
const lives = [
  "",
  "--llc --stats 0.5",
  "--exit-after 0.5 --exit-code 7",
  "--refuse-verify",
  "--error-after 0.5",
  "--ignore-cpusets",
  "--stall-after 0.5 --watchdog-ms 1000"
]

const script = `
mkdir /sys/fs/cgroup/narrow
echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control
echo 0-1 > /sys/fs/cgroup/narrow/cpuset.cpus
spin() { while :; do :; done; }
spinners=
for i in 1 2 3 4 5; do spin & spinners="$spinners $!"; done
(echo 0 > /sys/fs/cgroup/narrow/cgroup.procs; spin) & spinners="$spinners $!"
live() {
  scx_ktstr "$@" > /run/log 2>&1 & scheduler=$!
  # A loaded, emulated machine takes its time to verify.
  for i in $(seq 100); do
    grep -qE "attached|cannot" /run/log && break
    sleep 0.2
  done
  state=$(cat /sys/kernel/sched_ext/state)
  waited=0
  while [ -d /proc/$scheduler ] && [ $waited -lt $LONGEST ]; do sleep 0.5; waited=$((waited + 1)); done
  kill -INT $scheduler 2>/dev/null
  wait $scheduler
  code=$?
  echo "life $state $code $(cat /sys/kernel/sched_ext/state) $(grep scx_ktstr: /run/log | tail -1)"
  grep -c "sched_ext dump" /run/log
}
${lives.map((args) => `LONGEST=${args.includes("after") || args.includes("ignore") ? 60 : 4}; live ${args}`).join("\n")}
kill -9 $spinners
`

interface Life {
  readonly state: string
  readonly code: number
  readonly stateAfter: string
  readonly lastWords: string
  readonly dumps: number
}

describe("the fixture scheduler in a guest", () => {
  const found: Array<Life> = []
  const of = (args: string): Life => {
    const life = found[lives.indexOf(args)]
    if (life === undefined) throw new Error(`no life of scx_ktstr ${args}: ${JSON.stringify(found)}`)
    return life
  }

  beforeAll(async () => {
    const include = `${program}:/usr/bin/scx_ktstr`
    const ended = await ktstr(["exec", "--kernel", inject("kernel").image, "-i", include, script], {
      deadlineMs: 240_000
    })
    expect(ended.stderr.split("\n").filter((line) => line.startsWith("ktstr:"))).toEqual([])
    const lines = ended.stdout.trim().split("\n")
    for (let i = 0; i + 1 < lines.length; i++) {
      const match = /^life (\S+) (\d+) (\S+) (.*)$/.exec(lines[i]!.trim())
      if (match === null) continue
      const [, state, code, stateAfter, lastWords] = match as unknown as [string, string, string, string, string]
      found.push({ state, code: Number(code), stateAfter, lastWords, dumps: Number(lines[i + 1]) })
    }
  }, 260_000)

  it("attaches, and detaches on SIGINT with 0", () => {
    for (const args of ["", "--llc --stats 0.5"]) {
      expect(of(args)).toMatchObject({ state: "enabled", code: 0, stateAfter: "disabled", dumps: 0 })
      expect(of(args).lastWords).toBe("scx_ktstr: detached")
    }
  })

  it("exits by itself with the code it was told", () => {
    expect(of("--exit-after 0.5 --exit-code 7")).toMatchObject({ code: 7, stateAfter: "disabled", dumps: 0 })
  })

  it("is refused by the verifier", () => {
    expect(of("--refuse-verify")).toMatchObject({ state: "disabled", code: 1, stateAfter: "disabled" })
    expect(of("--refuse-verify").lastWords).toContain("cannot load the scheduler")
  })

  it.each([
    ["--error-after 0.5", /kind 1025, .*\(told to fail after 500 ms\)/],
    ["--ignore-cpusets", /kind 1024, runtime error \(.*not allowed for/],
    ["--stall-after 0.5 --watchdog-ms 1000", /kind 1026, runnable task stall \(.*failed to run for/]
  ])("ends with the kernel's reason and dump: %s", (args, reason) => {
    expect(of(args)).toMatchObject({ code: 1, stateAfter: "disabled", dumps: 1 })
    expect(of(args).lastWords).toMatch(reason)
  })
})

describe("scx_ktstr's command line", () => {
  it("has a help that names every knob", () => {
    const help = execFileSync(program, ["--help"], { encoding: "utf8" })
    for (const knob of [
      "refuse-verify",
      "verify-loop",
      "slow-start",
      "exit-after",
      "error-after",
      "stall-after",
      "degrade"
    ]) {
      expect(help).toContain(`--${knob}`)
    }
    for (const knob of ["one-cpu", "starve", "ignore-cpusets", "widen-cpusets"]) expect(help).toContain(`--${knob}`)
  })

  it.each([
    [["--slice-us", "1"], "scx_ktstr: --slice-us must be a whole number from 100 to 10000000, got '1'"],
    [["--starve", "a/b"], "scx_ktstr: --starve must be the name of a cgroup, not a path, got 'a/b'"],
    [["--error-after", "soon"], "scx_ktstr: --error-after must be a number of seconds from 0.001 to 86400, got 'soon'"],
    [["now"], "scx_ktstr: takes options only, got 'now'"]
  ])("refuses %j with 64", (args, message) => {
    const ended = spawnSync(program, args, { encoding: "utf8" })
    expect(ended.stderr.trim()).toBe(message)
    expect(ended.status).toBe(64)
  })
})
