// The tests that may be skipped, each with the reason and with what shows on this machine that the reason holds. Any other skip fails the run.
import { spawnSync } from "node:child_process"
import { closeSync, existsSync, openSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const probe = fileURLToPath(new URL("../../native/probe/build/kvm-probe", import.meta.url))

const kvmOpens = () => {
  try {
    closeSync(openSync("/dev/kvm", "r+"))
    return true
  } catch {
    return false
  }
}

const kvmIsUsable = () => {
  try {
    return JSON.parse(spawnSync(probe, { encoding: "utf8" }).stdout).verdict === "usable"
  } catch {
    return false
  }
}

/** A cgroup v2 hierarchy that has the cpuset controller, as `ktstr run --host` needs. */
const hasCgroup2 = () =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(" - cgroup2 "))
    .some((line) => {
      const controllers = `${line.split(" ")[4]}/cgroup.controllers`
      return existsSync(controllers) && readFileSync(controllers, "utf8").split(/\s+/).includes("cpuset")
    })

/** `test` is matched against `FILE > NAME`. */
export const allowedSkips = [
  {
    test: /^native\/test\/(addon\/(Machine|Leaks|Values)|Contract|NativeVmm)\.test\.ts > /,
    reason: "/dev/kvm can't be opened here",
    holds: () => !kvmOpens()
  },
  {
    test: /^test\/lab\.e2e\.ts > level 1 (can write everywhere|has cgroup v2)/,
    reason: "KVM is usable here, so that commands of the lab run on this machine itself",
    holds: kvmIsUsable
  },
  {
    test: /^test\/native\.e2e\.ts > guest memory is of huge pages/,
    reason: "KVM is usable here, and this machine's huge pages are its owner's affair",
    holds: kvmIsUsable
  },
  {
    test: /^test\/host\.e2e\.ts > where there is no cgroup v2 with cpuset refuses in one line/,
    reason: "this machine has a cgroup v2 hierarchy with cpuset",
    holds: hasCgroup2
  },
  {
    test: /^test\/locks\.e2e\.ts > .*are refused on a real FUSE mount/,
    reason: "there is no /dev/fuse here",
    holds: () => !existsSync("/dev/fuse")
  }
]

/** Why this test may be skipped on this machine; undefined: it must run. */
export const reasonToSkip = (where) => allowedSkips.find(({ test, holds }) => test.test(where) && holds())?.reason
