// The native backend on a real KVM: its disk with Linux's drivers, huge pages, and what goes wrong.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { writeTinyGuest } from "../core/test/vmm/tinyGuest.ts"
import { ktstr } from "./ktstr.ts"
import { hasUsableKvm, useLab } from "./lab/Lab.ts"
import { type Level1Kernel, level1Kernel } from "./lab/Level1Kernel.ts"

const shown = mkdtempSync(join(tmpdir(), "ktstr-native-shown-"))
const silent = join(shown, "silent.elf")
const hello = join(shown, "hello.elf")
writeTinyGuest(silent, "hang", "")
writeTinyGuest(hello, "hang", "hello\n")
afterAll(() => rmSync(shown, { recursive: true }))

const inLab = useLab({ show: [shown] })
const slowMs = 600_000
let kernel: Level1Kernel
beforeAll(async () => {
  kernel = await level1Kernel()
}, slowMs)

// User space of level 1's guests dies in sigreturn where XSAVE is on.
const small = ["--topology", "1n1l1c1t", "--memory", "512", "--boot-timeout", "300", "--kargs", "noxsave"]
const native = (...args: ReadonlyArray<string>) =>
  inLab(["node", "cli/ktstr.js", ...args.slice(0, 1), "--vmm", "native", ...small, ...args.slice(1)], {
    timeoutMs: slowMs - 10_000
  })

/** Loads the drivers, looks at the disk, writes all of it and reads it back. */
const useDisk = (modules: ReadonlyArray<string>): string =>
  [
    "set -e",
    ...modules.map((module) => `insmod /lib/drivers/${basename(module)}`),
    "cat /sys/block/vda/size /sys/block/vda/serial; echo",
    "yes scratch | head -c 8388608 > /dev/vda",
    "sync; echo 3 > /proc/sys/vm/drop_caches",
    "yes scratch | head -c 8388608 | cmp - /dev/vda && echo same",
    "echo x | dd of=/dev/vda bs=512 seek=16384 2>&1 | grep -o 'No space left' || true"
  ].join("; ")
const include = (modules: ReadonlyArray<string>) =>
  modules.flatMap((module) => ["-i", `${module}:/lib/drivers/${basename(module)}`])
const diskLines = ["16384", "ktstr-scratch", "same", "No space left"]

describe("a scratch disk", () => {
  it("is Linux's /dev/vda on the native backend", { timeout: slowMs }, async () => {
    const { vmlinux, guestModules } = kernel
    const disk = ["--kernel", vmlinux, "--scratch-disk", "8", ...include(guestModules)]
    const { code, stdout, stderr } = await native("exec", ...disk, useDisk(guestModules))
    expect([stderr, stdout.trim().split(/\r?\n/)]).toEqual(["", diskLines])
    expect(code).toBe(0)
  })

  it("is Linux's /dev/vda on qemu", { timeout: slowMs }, async () => {
    const modules = kernel.guestModules.filter((module) => !module.includes("mmio"))
    const where = ["--vmm", "qemu-tcg", "--topology", "1n1l1c1t", "--memory", "512", "--kernel", kernel.vmlinux]
    const { code, stdout } = await ktstr([
      "exec",
      ...where,
      "--scratch-disk",
      "8",
      ...include(modules),
      useDisk(modules)
    ])
    expect(stdout.trim().split(/\r?\n/)).toEqual(diskLines)
    expect(code).toBe(0)
  })
})

describe("a virtio console", () => {
  it("is Linux's /dev/hvc0, with the size of its window", { timeout: slowMs }, async () => {
    const drivers = kernel.guestModules.filter((module) => !module.includes("blk"))
    const args = ["node", "test/lab/terminal.mjs", kernel.vmlinux, "/bin/busybox", ...drivers]
    const { code, stdout, stderr } = await inLab(args, { timeoutMs: slowMs - 10_000 })
    expect([stderr, stdout.split("\n")]).toEqual(["", ["ready", "got hello guest", "37 101", ""]])
    expect(code).toBe(0)
  })
})

describe("guest memory", () => {
  it("is of huge pages where enough are reserved, and of regular ones where too few are", {
    timeout: slowMs
  }, async (context) => {
    if (await hasUsableKvm()) context.skip("this machine's reserve of huge pages is its owner's affair")
    const { code, stdout, stderr } = await inLab(["node", "test/lab/hugePages.mjs", hello, "10", "40"])
    expect([stderr, code]).toEqual(["", 0])
    const short = "performance_mode: WARNING: need 32 2MB hugepages, only 10 free — falling back to regular pages"
    expect(JSON.parse(stdout)).toEqual([
      { before: 10, during: 10, after: 10, warnings: [short] },
      { before: 40, during: 8, after: 40, warnings: [] }
    ])
  })

  it("larger than the machine's is refused with both sizes", { timeout: slowMs }, async () => {
    const args = ["run", "steady", "--vmm", "native", "--kernel", inject("kernel").image, "--memory", "4000000"]
    const { code, stderr } = await inLab(["node", "cli/ktstr.js", ...args], { timeoutMs: slowMs - 10_000 })
    expect(stderr.trim().split("\n").at(-1)).toMatch(
      /^ktstr: can't allocate 4000000 MiB of guest memory: this machine has \d+ MiB \(RAM and swap\); ask for less guest memory$/
    )
    expect(code).toBe(69)
  })
})

describe("on the native backend", () => {
  it("a triple fault is one line with the address", { timeout: slowMs }, async () => {
    // reboot=t: the kernel loads an empty interrupt table and traps.
    const { code, stderr } = await native("exec", "--kernel", kernel.vmlinux, "--kargs", "reboot=t", "reboot -f")
    expect(stderr.trim().split("\n")).toEqual([expect.stringMatching(/triple fault at RIP=[0-9a-f]{16} \(stage: /)])
    expect(code).toBe(1)
  })

  it("a kernel that never says a word is told from one that boots", { timeout: slowMs }, async () => {
    const limits = ["--vmm", "native", "--topology", "1n1l1c1t", "--memory", "512", "--boot-timeout", "5"]
    const args = ["run", "steady", "--format", "json", ...limits, "--kernel", silent]
    const { code, stdout } = await inLab(["node", "cli/ktstr.js", ...args], { timeoutMs: slowMs - 10_000 })
    const result = JSON.parse(stdout)
    expect(result.details[0]).toMatch(/^the guest did not reach the agent within 5s \(stage: no console output; /)
    expect([result.backend, result.diagnostics.stage]).toEqual(["native", "no console output"])
    // The lab has one CPU for ktstr and for the machine, so that it may have kept the machine waiting for a good part of the time.
    expect([result.outcome, code]).toEqual(
      /not judged: the host/.test(result.details[0]) ? ["inconclusive", 2] : ["fail", 1]
    )
  })

  it("a run killed in mid-boot leaves no thread or memory, and no file after ktstr cleanup", {
    timeout: slowMs
  }, async () => {
    const run = ["run", "steady", "--vmm", "native", ...small, "--kernel", inject("kernel").image, "--duration", "30"]
    const script = `export TMPDIR=$(mktemp -d)
node cli/ktstr.js ${run.join(" ")} >$TMPDIR/said 2>&1 &
run=$!
until grep -q booting $TMPDIR/said; do kill -0 $run || break; sleep 0.2; done
cat $TMPDIR/said >&2
kill -9 $run
wait $run
echo "before $(ls $TMPDIR | grep -c ktstr-$run-)"
echo "vCPUs $(cat /proc/[0-9]*/task/*/comm | grep -c '^ktstr-vcpu')"
node cli/ktstr.js cleanup | grep -c "removed $TMPDIR/ktstr-$run-"
echo "after $(ls $TMPDIR | grep -c ktstr-) $(ls /dev/shm | grep -c ktstr-$run)"`
    const { stdout, stderr } = await inLab(["sh", "-c", script], { timeoutMs: slowMs - 10_000 })
    expect(stderr).toContain("booting with native")
    expect(stdout.trim().split("\n")).toEqual(["before 1", "vCPUs 0", "1", "after 0 0"])
  })
})
