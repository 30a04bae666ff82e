// The addon on this host's KVM. Guests are a few bytes of real-mode or flat code, which interpreting KVMs run as well.
import * as fs from "node:fs"
import { performance } from "node:perf_hooks"
import { afterEach, describe, expect, it } from "vitest"
import { noKvm } from "../kvmDevice.ts"
import {
  binding,
  echo,
  type Guest,
  halt,
  makeGuest,
  popcnt,
  protectedMode,
  realMode,
  reset,
  say,
  send,
  spin,
  undefinedInstruction
} from "./guest.ts"

const guests: Array<Guest> = []
afterEach(async () => {
  await Promise.all(guests.splice(0).map((guest) => guest.destroy()))
})
const guestOf = (...args: Parameters<typeof makeGuest>): Guest => {
  const guest = makeGuest(...args)
  guests.push(guest)
  return guest
}
const run = (...args: Parameters<typeof makeGuest>): Guest => {
  const guest = guestOf(...args)
  guest.machine.start()
  return guest
}
const thrown = (act: () => unknown): { code?: string; message: string } => {
  try {
    act()
  } catch (error) {
    return error as { code?: string; message: string }
  }
  throw new Error("nothing was thrown")
}

describe.skipIf(noKvm !== undefined)("a machine", () => {
  it("says hello on COM1 and resets by the keyboard controller, with few wake-ups", async () => {
    const guest = run([...say("hello, world\n"), ...reset])
    expect(await guest.exit).toEqual({ kind: "Reset", message: "", registers: "" })
    expect(guest.text).toEqual(["hello, world\n", "", ""])
    expect(guest.rings()).toBeLessThan(14)
    expect(guest.machine.statistics().exit_io).toBeGreaterThanOrEqual(1)
  })

  it("is loaded with bytes and parts of files", async () => {
    const file = fs.openSync("native/test/addon/guest.ts", "r")
    const source = fs.readFileSync("native/test/addon/guest.ts")
    const guest = guestOf(halt, {
      contents: [{ address: 0x3000, bytes: Buffer.from("bytes") }],
      files: [{ address: 0x2001, fd: file, offset: 7, size: 500 }]
    })
    // Its own descriptor is no longer needed.
    fs.closeSync(file)
    await guest.machine.loaded()
    const memory = Buffer.from(guest.machine.memory)
    expect(memory.subarray(0x2001, 0x2001 + 501)).toEqual(Buffer.concat([source.subarray(7, 507), Buffer.alloc(1)]))
    expect(memory.toString("latin1", 0x3000, 0x3006)).toBe("bytes\0")
  })

  it("tells of a file that is too short, and does not start", async () => {
    const file = fs.openSync("/dev/null", "r")
    const guest = guestOf(halt, { files: [{ address: 0x2000, fd: file, offset: 3, size: 1 }] })
    fs.closeSync(file)
    const error = { code: "Io", message: "the file ends at byte 3, where more was expected" }
    await expect(guest.machine.loaded()).rejects.toMatchObject(error)
    expect(thrown(() => guest.machine.start())).toMatchObject(error)
  })

  it("echoes COM2, promptly", async () => {
    const guest = run(echo)
    send(guest, "x")
    await guest.heard(1, "x")
    const times: Array<number> = []
    for (let i = 1; i <= 50; i++) {
      const began = performance.now()
      send(guest, "x")
      await guest.heard(1, "x".repeat(i + 1))
      times.push(performance.now() - began)
    }
    // Far under what polling by timer could do; the median, as this host may be busy.
    expect(times.sort((a, b) => a - b)[25]).toBeLessThan(10)
    send(guest, "Q")
    expect((await guest.exit).kind).toBe("Reset")
  })

  it("takes more than a guest reads at once, and says what is unread", async () => {
    const guest = guestOf(echo)
    const text = "0123456789".repeat(20)
    expect(send(guest, text)).toBe(text.length)
    guest.machine.start()
    await guest.heard(1, text)
    send(guest, "Q")
    await guest.exit
  })

  it.each([
    ["halted", halt],
    ["spinning", spin]
  ])("stops at once while %s", async (_, code) => {
    const guest = run(code, { count: 4 })
    // On a busy host a thread that was made may be a while in coming to its first line.
    while (guest.machine.threadIds().includes(0)) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(guest.machine.threadIds().every((id) => fs.existsSync(`/proc/self/task/${id}`))).toBe(true)
    const began = performance.now()
    guest.machine.stop()
    expect((await guest.exit).kind).toBe("Killed")
    expect(performance.now() - began).toBeLessThan(1000)
  })

  it("pauses and resumes", async () => {
    const guest = run(echo)
    await guest.paused()
    send(guest, "a")
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(guest.text[1]).toBe("")
    await guest.paused()
    guest.machine.resume()
    await guest.heard(1, "a")
  })

  it("shares its memory", async () => {
    const guest = run(halt)
    // mov byte [0x500], 0x2a; mov al, [0x501]; out 0x3f8; reset
    const writer = guestOf([0xc6, 0x06, 0x00, 0x05, 0x2a, 0xa0, 0x01, 0x05, 0xba, 0xf8, 0x03, 0xee, ...reset])
    const memory = new Uint8Array(writer.machine.memory)
    memory[0x501] = 0x21
    writer.machine.start()
    await writer.exit
    expect(writer.text[0]).toBe("!")
    expect(memory[0x500]).toBe(0x2a)
    expect(new Uint8Array(guest.machine.memory)[0x500]).toBe(0)
  })

  it("reports a triple fault with the registers", async () => {
    const guest = run([0xb8, 0x34, 0x12, 0, 0, ...undefinedInstruction], {
      vcpus: [{ apicId: 0, registers: protectedMode }]
    })
    const { kind, registers } = await guest.exit
    expect(kind).toBe("TripleFault")
    expect(registers).toMatch(/^vCPU 0\nRAX=0000000000001234 /)
    expect(registers).toContain("RIP=0000000000001005")
    expect(registers).toContain("IDT base=0000000000000000 limit=0000")
  })

  it("reports what KVM could not emulate with the instruction's bytes", async () => {
    const guest = run([...popcnt, 0x55, ...reset])
    const { kind, message, registers } = await guest.exit
    // A real KVM runs it.
    if (kind === "Reset") return expect(message).toBe("")
    expect(kind).toBe("VcpuError")
    expect(message).toMatch(/^vCPU 0: KVM internal error 1 \(.*\), instruction bytes f3 0f b8 c0 55/)
    expect(registers).toContain("RIP=0000000000001000")
  })

  it("answers CPUID with what all vCPUs have and what each has besides", async () => {
    const row = (leaf: number, letter: string) => [leaf, 0, 0, 0, letter.charCodeAt(0), 0, 0]
    // mov eax, leaf; cpuid; mov al, bl; mov dx, 0x2f8; out dx, al
    const ask = (n: number) => [0x66, 0xb8, n, 0, 0, 0x40, 0x0f, 0xa2, 0x88, 0xd8, 0xba, 0xf8, 0x02, 0xee]
    const guest = run([...ask(0), ...ask(1), ...halt], {
      cpuid: Uint32Array.from(row(0x40000000, "a")),
      vcpus: ["b", "c"].map((letter, apicId) => ({
        apicId,
        registers: realMode,
        cpuid: Uint32Array.from(row(0x40000001, letter))
      }))
    })
    while ((guest.text[1]?.length ?? 0) < 4) await new Promise((resolve) => setTimeout(resolve, 5))
    expect([...(guest.text[1] ?? "")].sort()).toEqual(["a", "a", "b", "c"])
  })

  it("powers off by the register it was given", async () => {
    const power = { port: 0x600, size: 2, control: 0, mask: 0xff, value: 0x34 }
    const guest = run([0xba, 0x00, 0x06, 0xb0, 0x33, 0xee, 0xb0, 0x34, 0xee, ...halt], { power })
    expect((await guest.exit).kind).toBe("PowerOff")
  })
})

describe.skipIf(noKvm !== undefined)("252 vCPUs", () => {
  it.each([
    ["KVM's interrupt chips", "kernel", (vcpu: number) => vcpu],
    ["APIC ids above 254 and an I/O APIC of our own", "split", (vcpu: number) => vcpu * 2]
  ] as const)(
    "with %s are made with all memory, and each runs its first instructions",
    async (_, irqchip, apicId) => {
      const count = 252
      const began = performance.now()
      // lock inc word [0x500]; hlt
      const guest = guestOf([0xf0, 0xff, 0x06, 0x00, 0x05, ...halt], {
        irqchip,
        vcpus: Array.from({ length: count }, (_, vcpu) => ({ apicId: apicId(vcpu), registers: realMode })),
        segments: [
          { address: 0, size: 256 * 1024 * 1024 },
          { address: 2 ** 32, size: 256 * 1024 * 1024 }
        ]
      })
      const made = performance.now() - began
      guest.machine.start()
      const counter = new Uint16Array(guest.machine.memory, 0x500, 1)
      while (counter[0] !== count) await new Promise((resolve) => setTimeout(resolve, 10))
      expect(new Set(guest.machine.threadIds()).size).toBe(count)
      guest.machine.stop()
      expect((await guest.exit).kind).toBe("Killed")
      expect(made).toBeLessThan(5000)
    },
    30_000
  )
})

describe.skipIf(noKvm !== undefined)("errors", () => {
  const make = (more: object) => () => makeGuest(halt, more)

  it("tell an absent device from one that is none", () => {
    expect(thrown(make({ device: "/nonexistent/kvm" }))).toMatchObject({
      code: "Absent",
      message: "/nonexistent/kvm: No such file or directory"
    })
    expect(thrown(make({ device: "/dev/null" })).message).toMatch(/^\/dev\/null speaks KVM API version/)
    expect(thrown(() => binding.supportedCpuid("/nonexistent/kvm")).code).toBe("Absent")
    expect(binding.supportedCpuid().length % 7).toBe(0)
  })

  it("tell more memory than this machine has, with both sizes", () => {
    const error = thrown(make({ segments: [{ address: 0, size: 2 ** 50 }] }))
    expect(error.code).toBe("OutOfMemory")
    expect(error.message).toMatch(
      /^can't allocate 1073741824 MiB of guest memory: this machine has \d+ MiB \(RAM and swap\)$/
    )
  })

  it("tell huge pages that are not reserved", () => {
    const free = Number(fs.readFileSync("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "utf8"))
    const size = (free + 64) * 2 * 1024 * 1024
    expect(thrown(make({ hugePages: true, segments: [{ address: 0, size }] }))).toMatchObject({ code: "OutOfMemory" })
  })

  it("tell what can't be", () => {
    expect(thrown(make({ count: 0 })).code).toBe("Invalid")
    expect(thrown(make({ count: 100_000 })).message).toMatch(/^a machine of 100000 vCPUs: this KVM has 1 to \d+; ask/)
    expect(thrown(make({ segments: [{ address: 0, size: 1000 }] })).code).toBe("Invalid")
    expect(thrown(make({ segments: [] })).code).toBe("Invalid")
    expect(thrown(make({ segments: [{ address: 0, size: 4096, hostNode: 63 }] })).message).toMatch(/host NUMA node 63/)
    expect(thrown(make({ disk: { address: 0xd0000000, gsi: 5, path: "/nonexistent/disk" } })).message).toBe(
      "scratch disk /nonexistent/disk: No such file or directory"
    )
  })

  it("of use after the end are exceptions, not crashes", async () => {
    const guest = makeGuest(halt)
    const { memory } = guest.machine
    guest.machine.start()
    await Promise.all([guest.destroy(), guest.destroy()])
    expect(memory.byteLength).toBe(0)
    for (const act of [
      () => guest.machine.start(),
      () => guest.machine.memory,
      () => guest.machine.take(7),
      () => guest.machine.statistics(),
      () => send(guest, "x")
    ]) {
      expect(thrown(act).message).toBe("the machine is destroyed")
    }
  })
})
