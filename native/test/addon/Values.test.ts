// The addon uses a script's values unchanged or refuses them with their place: it never converts them and never reads beyond their end.
import { Worker } from "node:worker_threads"
import { afterEach, describe, expect, it } from "vitest"
import { noKvm } from "../kvmDevice.ts"
import { binding, type Guest, halt, makeGuest, realMode, spin } from "./guest.ts"

const thrown = (act: () => unknown): { code?: string; message: string } => {
  try {
    act()
  } catch (error) {
    return error as { code?: string; message: string }
  }
  throw new Error("nothing was thrown")
}

const page = { address: 0, size: 4096 }
const memoryOf = (options: object) => () => new binding.Memory(options as never)
/** Options are looked at before the device: these tests need no KVM. */
const machineOf = (options: object, doorbell: unknown = () => {}) =>
  thrown(() => {
    const memory = new binding.Memory({ segments: [page] })
    const all = { device: "/nonexistent/kvm", memory, vcpus: [{ apicId: 0 }], ...options }
    return new binding.Machine(all as never, doorbell as never)
  })

const notWhole = (most: string) => `give a whole number from 0 to ${most}`
const badNumbers: ReadonlyArray<readonly [unknown, string]> = [
  [Number.NaN, "NaN"],
  [-1, "-1"],
  [1.5, "1.5"],
  [2 ** 32, "4294967296"],
  [2n ** 64n, "18446744073709551616n"],
  [-1n, "-1n"],
  ["1", "'1'"],
  [null, "null"],
  [undefined, "undefined"],
  [true, "true"],
  [{}, "an object"],
  [[1], "an array"],
  [Symbol("x"), "a symbol"]
]

describe("numbers", () => {
  it.each(badNumbers)("%s is no APIC id", (apicId, said) => {
    expect(machineOf({ vcpus: [{ apicId: 0 }, { apicId }] })).toMatchObject({
      code: "Invalid",
      message: `options.vcpus[1].apicId is ${said}; ${notWhole("4294967295")}`
    })
  })

  it("above 2^53 - 1 are exact or refused", () => {
    const rip = (value: unknown) => machineOf({ vcpus: [{ apicId: 0, registers: { rip: value } }] })
    expect(rip(2 ** 53).message).toBe(
      "options.vcpus[0].registers.rip is 9007199254740992; give a whole number from 0 to 18446744073709551615, above 9007199254740991 as a BigInt"
    )
    expect(rip(Number.POSITIVE_INFINITY).message).toMatch(/registers\.rip is Infinity; give a whole number/)
    // On to the device.
    expect(rip(0xffffffff81000000n).code).toBe("Absent")
    expect(rip(-0).code).toBe("Absent")
  })

  it.each([
    [{ segments: [{ address: -4096, size: 4096 }] }, "options.segments[0].address is -4096"],
    [{ segments: [{ address: 0, size: 4096.5 }] }, "options.segments[0].size is 4096.5"],
    [{ segments: [{ ...page, hostNode: -1 }] }, "options.segments[0].hostNode is -1"],
    [{ segments: [{ ...page, hostNode: 2 ** 31 - 1 }] }, "options.segments[0].hostNode is 2147483647"],
    [{ segments: [page], files: [{ address: 0, fd: -1, offset: 0, size: 1 }] }, "options.files[0].fd is -1"],
    [
      { segments: [page], files: [{ address: 0, fd: 2 ** 31, offset: 0, size: 1 }] },
      "options.files[0].fd is 2147483648"
    ],
    [
      { segments: [page], files: [{ address: 0, fd: 0, offset: 2n ** 63n - 1n, size: 1 }] },
      "options.files[0].size is 1; give a whole number from 0 to 0"
    ],
    [{ segments: [page], hugePages: 1 }, "options.hugePages is 1; give true or false"],
    [{ segments: { length: 1, 0: page } }, "options.segments is an object; give an array"],
    [{ segments: [null] }, "options.segments[0] is null; give an object"],
    [{}, "options.segments is undefined; give an array"]
  ])("of memory are checked: case %#", (options, message) => {
    expect(thrown(memoryOf(options)).message).toContain(message)
    expect(thrown(memoryOf(options)).code).toBe("Invalid")
  })

  it.each([
    [{ power: { port: 65535, size: 2, control: 0, mask: 1, value: 1 } }, "options.power.size is 2"],
    [{ console: { address: 2n ** 64n - 1n, gsi: 5 } }, "options.console.address is 18446744073709551615n"],
    [{ disk: { address: 0, gsi: 5, path: "/tmp/a\0b" } }, "options.disk.path has a NUL character"],
    [{ disk: { address: 0, gsi: 5 } }, "options.disk.path is undefined; give a string"],
    [{ device: 7 }, "options.device is 7; give a string"],
    [{ irqchip: "Split" }, "options.irqchip is 'Split'; give 'kernel' or 'split'"],
    [{ vcpus: new Array(2 ** 32 - 1) }, "options.vcpus has 4294967295 elements; give at most 131072"],
    [
      { vcpus: [{ apicId: 0, registers: { rip: 0, cs: { base: 0, limit: 2 ** 33 } } }] },
      "registers.cs.limit is 8589934592"
    ]
  ])("and names of a machine are checked: case %#", (options, message) => {
    expect(machineOf(options).message).toContain(message)
    expect(machineOf(options).code).toBe("Invalid")
  })
})

describe("arrays of bytes and words", () => {
  const row = new Uint32Array(7)
  const detached = new Uint32Array(7)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  const gone = new Uint8Array(8)
  structuredClone(gone.buffer, { transfer: [gone.buffer] })

  it.each([
    ["of another width", new Uint8Array(28), "is another typed array; give a Uint32Array"],
    ["of floats", new Float64Array(7), "is another typed array; give a Uint32Array"],
    ["of BigInts", new BigUint64Array(7), "is another typed array; give a Uint32Array"],
    ["seen through DataView", new DataView(new ArrayBuffer(28)), "is an object; give a Uint32Array"],
    ["that is a plain array", [0, 0, 0, 0, 0, 0, 0], "is an array; give a Uint32Array"],
    ["of part of a row", new Uint32Array(8), "has 8 words; give rows of 7"],
    ["in shared memory", new Uint32Array(new SharedArrayBuffer(28)), "is in shared memory; give a copy"],
    ["that is detached", detached, "is detached"]
  ])("CPUID %s is refused", (_, cpuid, message) => {
    expect(machineOf({ cpuid })).toMatchObject({
      code: "Invalid",
      message: expect.stringContaining(`options.cpuid ${message}`)
    })
    expect(machineOf({ vcpus: [{ apicId: 0, cpuid }] }).message).toContain(`options.vcpus[0].cpuid ${message}`)
  })

  it("CPUID in the middle of a buffer is taken from there", () => {
    expect(machineOf({ cpuid: new Uint32Array(new ArrayBuffer(64), 4, 7) }).code).toBe("Absent")
    expect(machineOf({ cpuid: row }).code).toBe("Absent")
  })

  it.each([
    ["words", new Uint32Array(2), "is another typed array; give a Uint8Array or Buffer"],
    ["a string", "abc", "is 'abc'; give a Uint8Array or Buffer"],
    ["shared", new Uint8Array(new SharedArrayBuffer(8)), "is in shared memory; give a copy"],
    ["detached", gone, "is detached"]
  ])("contents that are %s are refused", (_, bytes, message) => {
    expect(machineOf({ contents: [{ address: 0, bytes }] }).message).toContain(`options.contents[0].bytes ${message}`)
  })

  it("are copied when they are read: a later getter can't take them away", () => {
    const bytes = new Uint8Array(64)
    const options = {
      contents: [{ address: 0, bytes }],
      get power() {
        structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
        return undefined
      }
    }
    const memory = new binding.Memory({ segments: [page] })
    const live = Object.defineProperties(
      { device: "/nonexistent/kvm", memory, vcpus: [{ apicId: 0 }] },
      Object.getOwnPropertyDescriptors(options)
    )
    expect(thrown(() => new binding.Machine(live as never, () => {})).code).toBe("Absent")
    expect(bytes.length).toBe(0)
  })
})

describe("objects", () => {
  it("of another kind are no memory", () => {
    class Fake {
      release() {}
    }
    for (const memory of [
      undefined,
      null,
      {},
      7,
      new Fake(),
      Object.create(binding.Memory.prototype),
      binding.Memory
    ]) {
      expect(machineOf({ memory })).toMatchObject({
        code: "Invalid",
        message: expect.stringMatching(/^options\.memory is .*; give a Memory of this addon$/)
      })
    }
    const released = new binding.Memory({ segments: [page] })
    released.release()
    expect(machineOf({ memory: released }).message).toBe("the memory is released")
  })

  it("that throw when they are looked at throw that", () => {
    const options = {
      get segments(): never {
        throw new RangeError("mine")
      }
    }
    expect(thrown(memoryOf(options))).toBeInstanceOf(RangeError)
    expect(thrown(() => new binding.Memory(undefined as never)).message).toBe("options is undefined; give an object")
    expect(machineOf({}, "no function").message).toBe("onDoorbell is 'no function'; give a function")
    expect(thrown(() => binding.supportedCpuid(7 as never)).message).toBe("device is 7; give a string")
  })

  it("are made by new only, and their methods are theirs", () => {
    expect(thrown(() => (binding.Memory as unknown as () => void)()).message).toMatch(/new/)
    const memory = new binding.Memory({ segments: [page] })
    const { stop, take } = binding.Machine.prototype
    for (const self of [memory, {}, undefined, 7]) {
      expect(() => stop.call(self as never)).toThrow()
      expect(() => take.call(self as never, 0)).toThrow()
      expect(() => Reflect.get(binding.Machine.prototype, "memory", self ?? {})).toThrow()
    }
  })
})

describe.skipIf(noKvm !== undefined)("a machine", () => {
  const guests: Array<Guest> = []
  afterEach(async () => {
    await Promise.all(guests.splice(0).map((guest) => guest.destroy()))
  })
  const machine = () => {
    const guest = makeGuest(halt)
    guests.push(guest)
    return guest.machine
  }

  it("is no memory of another", () => {
    expect(machineOf({ memory: machine() }).message).toBe("options.memory is an object; give a Memory of this addon")
  })

  it("refuses what is no port, no bytes, no size of a window", () => {
    const made = machine()
    const bytes = Buffer.from("x")
    expect(thrown(() => made.send(3 as never, bytes)).message).toBe(`port is 3; ${notWhole("2")}`)
    expect(thrown(() => made.send(-1 as never, bytes)).code).toBe("Invalid")
    expect(thrown(() => made.send(1, "x" as never)).message).toBe("bytes is 'x'; give a Uint8Array or Buffer")
    expect(thrown(() => made.send(1, new Uint16Array(1) as never)).code).toBe("Invalid")
    expect(thrown(() => made.send(1, gone())).message).toContain("detached")
    expect(made.send(1, bytes.subarray(0, 0))).toBe(0)
    expect(thrown(() => made.take(8)).message).toBe(`accept is 8; ${notWhole("7")}`)
    expect(thrown(() => made.take(undefined as never)).code).toBe("Invalid")
    expect(thrown(() => made.resize(65536, 1)).message).toBe(`columns is 65536; ${notWhole("65535")}`)
    expect(thrown(() => made.resize(80, Number.NaN)).message).toBe(`rows is NaN; ${notWhole("65535")}`)
  })

  it.each(["running", "destroyed at the same moment"])(
    "of a worker thread goes with it while %s",
    async (how) => {
      const worker = new Worker(
        `const { createRequire } = require("node:module")
         const { workerData, parentPort } = require("node:worker_threads")
         const binding = require(workerData.path)
         const memory = new binding.Memory({ segments: [{ address: 0, size: 1 << 20 }] })
         const machine = new binding.Machine({ memory, vcpus: [{ apicId: 0, registers: workerData.registers }] }, () => {})
         new Uint8Array(machine.memory).set(workerData.code, 0x1000)
         machine.start()
         parentPort.on("message", () => { machine.destroy(); parentPort.postMessage("going") })
         parentPort.postMessage("up")`,
        {
          eval: true,
          workerData: {
            path: `${process.cwd()}/native/src/build/Release/ktstr.node`,
            registers: realMode,
            code: spin
          }
        }
      )
      const said = () => new Promise((resolve) => worker.once("message", resolve))
      expect(await said()).toBe("up")
      if (how !== "running") {
        worker.postMessage("go")
        expect(await said()).toBe("going")
      }
      expect(await worker.terminate()).toBe(1)
      // The addon is as good as before here.
      expect(machine().threadIds()).toEqual([0])
    },
    20_000
  )
})

/** An array whose bytes were transferred. */
function gone(): Uint8Array {
  const bytes = new Uint8Array(8)
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}
