// The kernel that measures boot: the newest of the cache with sched_ext, so that all of them, and a run under a scheduler, take the same.
import { execFileSync } from "node:child_process"

export const cachedKernel = (root) => {
  const list = execFileSync("node", ["cli/dist/bin.js", "kernel", "list", "--json"], { cwd: root, encoding: "utf8" })
  const [entry] = JSON.parse(list)
    .entries.filter((kernel) => kernel.valid && kernel.vmlinux && kernel.sched_ext)
    .sort((a, b) => b.version.localeCompare(a.version, "en", { numeric: true }))
  if (entry === undefined) throw new Error("no kernel with sched_ext in the cache; run: npx ktstr kernel fetch")
  return entry
}
