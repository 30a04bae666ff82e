// What a scheduler under test costs: the time it takes to attach, by the guest's clock, and ktstr's own share of a run beside booting, attaching
// and the scenario. Its peers are the same loader in a guest of `ktstr exec`, and the same run without a scheduler.
import { execFileSync } from "node:child_process"
import { join } from "node:path"

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

const rounds = 5

/** Milliseconds of the guest from the loader's start until the kernel has enabled it, without ktstr's part in it. */
const byHand = (command, fixture) => {
  const now = "read up rest < /proc/uptime; echo $up"
  const script = `${now}; ${fixture} > /dev/null & until grep -q ^enabled /sys/kernel/sched_ext/state; do sleep 0.01; done; ${now}; kill %1; wait`
  const [before, after] = command(["exec", "--topology", "1n2l2c1t", "-i", fixture, script])
    .trim()
    .split("\n")
    .map(Number)
  return (after - before) * 1000
}

export const schedulerCosts = async (root) => {
  const fixture = join(root, "native/bpf/build/scx_ktstr")
  const command = (args) =>
    execFileSync("node", ["cli/dist/bin.js", ...args], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"]
    })
  const steady = ["run", "steady", "--topology", "1n2l2c1t", "--duration", "1", "--format", "json"]
  const run = (...more) => JSON.parse(command([...steady, ...more]))
  const own = ({ schedulerReport, timings, durationS }) =>
    (100 * (timings.totalMs - timings.bootMs - durationS * 1000 - (schedulerReport?.attachMs ?? 0))) / timings.totalMs
  const measured = Array.from({ length: rounds }, () => ({
    under: run("--scheduler", fixture),
    without: run(),
    byHand: byHand(command, fixture)
  }))
  const attach = median(measured.map(({ under }) => under.schedulerReport.attachMs))
  const peer = median(measured.map((round) => round.byHand))
  const share = (key) => median(measured.map((round) => own(round[key]))).toFixed(1)
  return [
    {
      name: "scheduler attach / the same loader by hand",
      value: (attach / peer).toFixed(2),
      unit: "x",
      target: 1.25,
      note: `medians of ${rounds}: ${Math.round(attach)} ms against ${Math.round(peer)} ms, by the guest's clock`
    },
    {
      name: "ktstr's own share of a run under a scheduler",
      value: share("under"),
      unit: "%",
      target: undefined,
      note: `less boot, attaching and the scenario; ${share("without")} % without a scheduler`
    }
  ]
}
