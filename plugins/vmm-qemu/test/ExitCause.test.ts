import { expect, it } from "@effect/vitest"
import { type ConsoleEvidence, isRestartLine, judgeEnd, panicMessage } from "@ktstr/core/machine"
import { bootRefusal, type ExitEvidence, hasPhys32Entry, residentBytes, seenEnd } from "@ktstr/vmm-qemu"
import { describe } from "vitest"

type Evidence = ExitEvidence & ConsoleEvidence

const vmExit = (of: Evidence) => judgeEnd(seenEnd(of), of)

const evidence = (more: Partial<Evidence>): Evidence => ({
  restarting: false,
  registers: "",
  code: null,
  signal: "SIGKILL",
  stderr: "",
  ...more
})

describe("the end of a qemu machine", () => {
  const cases: ReadonlyArray<readonly [string, Partial<Evidence>, ReturnType<typeof vmExit>]> = [
    ["power off", { shutdown: "guest-shutdown" }, { _tag: "PowerOff" }],
    ["restart", { shutdown: "guest-reset", restarting: true }, { _tag: "Reset" }],
    ["panic", { shutdown: "guest-reset", panic: "Oops" }, { _tag: "Panic", message: "Oops" }],
    ["panic that hangs, killed", { panic: "Oops" }, { _tag: "Panic", message: "Oops" }],
    ["triple fault", { shutdown: "guest-reset", registers: "EIP=0" }, { _tag: "TripleFault", registers: "EIP=0" }],
    ["killed", {}, { _tag: "Killed" }],
    ["quit by monitor", { shutdown: "host-qmp-quit", code: 0, signal: null }, { _tag: "Killed" }],
    ["error", { code: 1, signal: null, stderr: "boom" }, { _tag: "VcpuError", message: "boom" }]
  ]
  it.each(cases)("%s", (_, given, expected) => {
    expect(vmExit(evidence(given))).toEqual(expected)
  })
  it("says so when qemu said nothing", () => {
    expect(vmExit(evidence({ code: 3, signal: null }))).toEqual({
      _tag: "VcpuError",
      message: "qemu exited with code 3 and said nothing"
    })
  })
})

it("reads the kernel's last words", () => {
  expect(panicMessage("[    1.234567] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009")).toBe(
    "Attempted to kill init! exitcode=0x00000009"
  )
  expect(panicMessage("[ 1.2] ---[ end Kernel panic - not syncing: x ]---")).toBeUndefined()
  expect(panicMessage("all is well")).toBeUndefined()
  expect(isRestartLine("[    2.0] reboot: Restarting system")).toBe(true)
  expect(isRestartLine("[    2.0] sysrq: Resetting")).toBe(true)
  expect(isRestartLine("[    2.0] reboot: Power down")).toBe(false)
})

it("bootRefusal names the reason by what qemu said", () => {
  const reasonOf = (stderr: string): string => bootRefusal(stderr, "/k").reason
  expect(reasonOf("qemu-system-x86_64: Error loading uncompressed kernel without PVH ELF Note\n")).toBe("BadKernel")
  expect(reasonOf("qemu: could not load kernel '/k': No such file or directory")).toBe("BadKernel")
  expect(reasonOf("qemu-system-x86_64: cannot set up guest memory 'ram0': Cannot allocate memory")).toBe("OutOfMemory")
  expect(reasonOf("qemu-system-x86_64: Invalid CPU topology: product of the hierarchy must match maxcpus")).toBe(
    "BadSpec"
  )
  expect(reasonOf("Could not access KVM kernel module: Permission denied")).toBe("KvmUnusable")
  expect(reasonOf("")).toBe("BootFailed")
  const { message } = bootRefusal("warning: x\nqemu-system-x86_64: Error while loading elf kernel\n", "/k")
  expect(message).toContain("qemu refused: qemu-system-x86_64: Error while loading elf kernel; the kernel is /k")
})

it("hasPhys32Entry finds the Xen note among others", () => {
  const note = (name: string, type: number, data: ReadonlyArray<number>): Array<number> => {
    const pad = (part: ReadonlyArray<number>): Array<number> => [...part, ...Array((4 - (part.length % 4)) % 4).fill(0)]
    const raw = [...Buffer.from(`${name}\0`)]
    return [raw.length, 0, 0, 0, data.length, 0, 0, 0, type, 0, 0, 0, ...pad(raw), ...pad(data)]
  }
  const linux = note("Linux", 0x12, [1, 2, 3, 4, 5])
  const entry = note("Xen", 0x12, [0, 0x31, 0xaf, 3, 0, 0, 0, 0])
  expect(hasPhys32Entry(Uint8Array.from([...linux, ...note("Xen", 6, [1]), ...entry]))).toBe(true)
  expect(hasPhys32Entry(Uint8Array.from([...linux, ...note("Xen", 6, [1])]))).toBe(false)
  expect(hasPhys32Entry(Uint8Array.from(entry.slice(0, 14)))).toBe(false)
})

it("residentBytes leaves shared memory out", () => {
  const status = "Name:\tqemu\nVmRSS:\t  3000 kB\nRssAnon:\t  1000 kB\nRssFile:\t   500 kB\nRssShmem:\t  1500 kB\n"
  expect(residentBytes(status)).toBe(1500 * 1024)
  expect(residentBytes("Name:\tqemu\nState:\tZ (zombie)\n")).toBeUndefined()
})
