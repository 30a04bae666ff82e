// The native backend: time to the agent's first frame against bare qemu under KVM, host memory beyond the guest's, and set-up of a
// large machine. The first two run in the KVM lab where this machine's KVM is of no use.
import { execFileSync, spawnSync } from "node:child_process"
import { bootSeries } from "./bootSeries.mjs"
import { cachedKernel } from "./cachedKernel.mjs"

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2
}

const isUsable = (root) => {
  const { stdout } = spawnSync("native/probe/build/kvm-probe", { cwd: root, encoding: "utf8" })
  try {
    return JSON.parse(stdout).verdict === "usable"
  } catch {
    return false
  }
}

const run = (root, args) =>
  JSON.parse(
    execFileSync("node", args, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: 1 << 26
    })
  )

const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`

const names = {
  native: "native",
  q35: "q35",
  microvm: "microvm",
  quietMicrovm: "microvm with loglevel=6 (no log)"
}

const bootRows = async (root, entry, rounds) => {
  const direct = isUsable(root)
  const { runs, hung, frozen } = await bootSeries(root, direct, entry.vmlinux, rounds)
  const times = Object.entries(runs).map(([name, results]) => [name, results.map((result) => result.ms)])
  const known = Object.fromEntries(
    times.filter(([, list]) => list.length > 0).map(([name, list]) => [name, median(list)])
  )
  const told = times.map(
    ([name]) =>
      `${names[name]} ${known[name] === undefined ? "" : seconds(known[name])}${hung.has(name) ? " does not answer" : ""}`
  )
  const where = `medians of ${rounds} ${direct ? "here" : "in the lab"}, kernel ${entry.version}${frozen === 0 ? "" : `; ${frozen} labs froze`}`
  const peers = ["q35", "microvm"].filter((name) => known[name] !== undefined)
  const overhead = (name) => Math.max(...runs[name].map((result) => result.overheadMb)).toFixed(1)
  return [
    {
      name: "native, boot to first frame / qemu -accel kvm",
      value: (known.native / Math.min(...peers.map((name) => known[name]))).toFixed(2),
      unit: "x",
      target: 0.8,
      note: `${told.join(", ")}; ${where}`
    },
    {
      name: "native, host memory beyond guest RAM",
      value: overhead("native"),
      unit: "MB",
      target: 8,
      note: `largest growth of the host process by a machine, without the guest's pages; ${peers.map((name) => `qemu ${name} ${overhead(name)} MB`).join(", ")}`
    }
  ]
}

const setupRow = (root, entry) => {
  const processes = (...how) =>
    Array.from({ length: 10 }, () => run(root, ["--expose-gc", "test/bench/nativeSetup.mjs", entry.vmlinux, ...how]))
  const touched = processes("touched")
  const first = touched.map((result) => result.first.ms)
  const again = touched.flatMap((result) => result.again.map(({ ms }) => ms))
  const cpu = touched.map((result) => result.first.cpuMs)
  const untouched = processes().map((result) => result.first.ms)
  const ms = (value) => Math.round(value)
  return {
    name: "native, set-up with 64 vCPUs",
    value: ms(median(first)),
    unit: "ms",
    target: 50,
    note: `first machine of a process, median of 10 (least ${ms(Math.min(...first))}, CPU time ${ms(median(cpu))}); later ones ${ms(median(again))} (least ${ms(Math.min(...again))}); garbage collected and host memory in use just before, ${ms(median(untouched))} where it had not been in use`
  }
}

export const nativeBackend = async (root, rounds = 10) => {
  const entry = cachedKernel(root)
  return [...(await bootRows(root, entry, rounds)), setupRow(root, entry)]
}
