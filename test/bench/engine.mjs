// What interpreting a work program costs beside C, on this machine and in a guest, each side by side in one process. Under
// emulation a nanosecond is not that of real hardware, so only the ratio is reported.
import { execFileSync } from "node:child_process"
import { join } from "node:path"

export const engineCost = async (root) => {
  const agent = join(root, "native/agent")
  execFileSync("make", ["-s", "-C", agent, "build/test/engine_bench"], { stdio: ["ignore", "ignore", "inherit"] })
  const program = join(agent, "build/test/engine_bench")
  const here = JSON.parse(execFileSync(program, { encoding: "utf8" }))
  const exec = [
    "cli/dist/bin.js",
    "exec",
    "--topology",
    "1n1l2c1t",
    "-i",
    `${program}:/bin/engine_bench`,
    "engine_bench"
  ]
  const guest = JSON.parse(
    execFileSync("node", exec, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
  )
  const spin = (where, { spin }) => ({
    name: `SpinWait program / the same loop in C, ${where}`,
    value: spin.toFixed(3),
    unit: "x",
    atLeast: 0.97,
    note: "iterations in the same time, median of 10"
  })
  return [
    spin("here", here),
    spin("in a guest", guest),
    {
      name: "YieldHeavy iteration, less the bare call, here",
      value: here.yieldNs.toFixed(1),
      unit: "ns",
      target: 30,
      note: `median of 10, each the least of 8 slices; the call takes ${here.bareYieldNs.toFixed(0)} ns`
    }
  ]
}
