// Measures the turns of this process's event loop from the start of its first machine, and writes them to KTSTR_LOOP_PROBE at its end.
// Loaded with --import; does nothing without the variable.
import { subscribe } from "node:diagnostics_channel"
import { readFileSync, writeFileSync } from "node:fs"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"

const file = process.env.KTSTR_LOOP_PROBE
const listed = 20

/** CPU time of this thread in milliseconds; threads of the pool and of machines don't count. */
const cpuMs = () => Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ", 1)[0]) / 1e6

const round = (ms) => Math.round(ms * 10) / 10

const measure = () => {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  const began = performance.now()
  const turns = []
  let cpu = cpuMs()
  // The loop looks at its timers in each turn, so no two turns lie between two calls.
  setInterval(() => {
    const now = cpuMs()
    turns.push({ atMs: Math.round(performance.now() - began), cpuMs: round(now - cpu) })
    if (turns.length > 1000) turns.sort((a, b) => b.cpuMs - a.cpuMs).splice(listed)
    cpu = now
  }, 1).unref()
  process.once("exit", () => {
    turns.sort((a, b) => b.cpuMs - a.cpuMs).splice(listed)
    const [delayMs, delayP99Ms] = [histogram.max, histogram.percentile(99)].map((ns) => round(ns / 1e6))
    writeFileSync(file, JSON.stringify({ delayMs, delayP99Ms, turns }))
  })
}

if (file !== undefined) {
  let started = false
  const machineStarts = () => {
    if (!started) measure()
    started = true
  }
  subscribe("child_process", ({ process: child }) => {
    child.once("spawn", () => {
      if (child.spawnargs.some((word) => word.includes("qemu-system"))) machineStarts()
    })
  })
  // Machines of ktstr's own run in this process, by an addon that is loaded for the first of them.
  const { dlopen } = process
  process.dlopen = (...args) => {
    if (/ktstr\.node$/.test(String(args[1]))) machineStarts()
    return dlopen.apply(process, args)
  }
}
