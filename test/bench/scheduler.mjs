// What a scheduler under test costs: the time it takes to attach, by the guest's clock, and ktstr's own share of a run beside booting, attaching
// and the scenario; its peer is the same run without a scheduler.
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { cachedKernel } from "./cachedKernel.mjs"

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

export const schedulerCosts = async (root, rounds = 5) => {
  const options = ["--topology", "1n2l2c1t", "--duration", "1", "--format", "json", "--kernel", cachedKernel(root).key]
  const steady = (...more) => {
    const output = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }
    return JSON.parse(execFileSync("node", ["cli/dist/bin.js", "run", "steady", ...options, ...more], output))
  }
  const own = ({ schedulerReport, timings, durationS }) =>
    timings.totalMs - timings.bootMs - durationS * 1000 - (schedulerReport?.attachMs ?? 0)
  const fixture = join(root, "native/bpf/build/scx_ktstr")
  const measured = Array.from({ length: rounds }, () => ({ under: steady("--scheduler", fixture), without: steady() }))
  const attach = median(measured.map(({ under }) => under.schedulerReport.attachMs))
  const [under, without] = ["under", "without"].map((key) => median(measured.map((round) => own(round[key]))))
  const share = median(measured.map((round) => own(round.under) / round.under.timings.totalMs))
  return [
    {
      name: "run under a scheduler, ktstr's own time / without one",
      value: (under / without).toFixed(2),
      unit: "x",
      target: undefined,
      note: `medians of ${rounds}: ${Math.round(under)} ms (${(100 * share).toFixed(0)} % of the run) against ${Math.round(without)} ms, less boot, attaching and scenario; attaching took ${Math.round(attach)} ms by the guest's clock`
    }
  ]
}
