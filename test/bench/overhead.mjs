// What ktstr costs beside the scenario itself: the wall time of `ktstr run steady --duration 1` less that second, against
// bare qemu that boots the same kernel and powers off.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bareQemu, poweroffInitramfs } from "./bareQemu.mjs"
import { cachedKernel } from "./cachedKernel.mjs"
import { medians } from "./hyperfine.mjs"

export const runOverhead = async (root) => {
  const scratch = mkdtempSync(join(tmpdir(), "ktstr-bench-"))
  try {
    const entry = cachedKernel(root)
    const initramfs = poweroffInitramfs(scratch)
    const machine = { initramfs, cpus: 4, memoryMb: 2048 }
    const commands = [
      `node cli/dist/bin.js run steady --kernel ${entry.key} --topology 1n2l2c1t --duration 1`,
      bareQemu({ ...machine, kernel: entry.image }),
      bareQemu({ ...machine, kernel: entry.vmlinux })
    ]
    const [run, bare, bareElf] = medians(commands, { runs: 10, warmup: 1, cwd: root })
    const ratio = (peer) => ((run - 1) / peer).toFixed(2)
    const seconds = (value) => value.toFixed(2)
    return [
      {
        name: "run steady, less 1 s / bare qemu",
        value: ratio(bare),
        unit: "x",
        target: 1.25,
        note: `medians of 10: ${seconds(run)} s against ${seconds(bare)} s (bzImage ${entry.version})`
      },
      {
        name: "the same / bare qemu with vmlinux",
        value: ratio(bareElf),
        unit: "x",
        target: undefined,
        note: `against ${seconds(bareElf)} s: the peer is given the kernel that ktstr unpacked for itself`
      }
    ]
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
