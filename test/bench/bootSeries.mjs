// Rounds of nativeBoot.mjs, here or in the KVM lab. The lab's outer emulation has frozen under guests of bare qemu (no timer of level 1
// arrives): a silent lab is ended, and another continues.
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

/** A machine has two minutes to answer; the lab boots in one. */
const silenceMs = 200_000
const mostLabs = 6

/** One process: whether it came to its end. `take` gets each result. */
const attempt = (root, args, take) =>
  new Promise((resolve, reject) => {
    const child = spawn("node", args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] })
    const silent = () => child.kill("SIGTERM")
    let timer = setTimeout(silent, silenceMs)
    createInterface({ input: child.stdout }).on("line", (line) => {
      clearTimeout(timer)
      timer = setTimeout(silent, silenceMs)
      take(JSON.parse(line))
    })
    child.once("error", reject)
    child.once("close", (code) => {
      clearTimeout(timer)
      resolve(code === 0)
    })
  })

/**
 * Results by machine, `rounds` of each that answers; `hung`: the machines that did not; `frozen`: labs that fell silent. The first round of
 * each process fills the page cache: its times do not count.
 */
export const bootSeries = async (root, direct, kernel, rounds) => {
  const runs = { native: [], q35: [], microvm: [], quietMicrovm: [] }
  const hung = new Set()
  let frozen = 0
  const done = () => Math.min(...Object.keys(runs).map((name) => (hung.has(name) ? rounds : runs[name].length)))
  while (done() < rounds && frozen < mostLabs) {
    const script = ["--expose-gc", "test/bench/nativeBoot.mjs", kernel, String(rounds - done())]
    const take = ({ name, round, ms, overheadMb }) => {
      if (ms === undefined) hung.add(name)
      else if (round > 0 && runs[name].length < rounds) runs[name].push({ ms, overheadMb })
    }
    if (!(await attempt(root, direct ? script : ["test/lab/main.mjs", "node", ...script], take))) frozen++
  }
  return { runs, hung, frozen }
}
