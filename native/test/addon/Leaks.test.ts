// Nothing of a machine outlives it.
import * as fs from "node:fs"
import { expect, it } from "vitest"
import { noKvm } from "../kvmDevice.ts"
import { echo, makeGuest, reset, say, send, spin } from "./guest.ts"

const count = (directory: string): number => fs.readdirSync(directory).length
const resident = (): number => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024
const footprint = () => ({
  files: count("/proc/self/fd"),
  threads: count("/proc/self/task"),
  mappings: fs.readFileSync("/proc/self/maps", "utf8").trimEnd().split("\n").length
})

const once = async (): Promise<void> => {
  const guest = makeGuest([...say("hi"), ...reset], { count: 2, segments: [{ address: 0, size: 4 * 1024 * 1024 }] })
  new Uint8Array(guest.machine.memory).fill(1, 0x100000)
  guest.machine.start()
  const exit = await guest.exit
  expect([exit.kind, guest.text[0]?.includes("hi")]).toEqual(["Reset", true])
  await guest.destroy()
}

const mib = 1024 * 1024

it.skipIf(noKvm !== undefined)(
  "500 machines leave no file, thread, mapping or memory",
  async () => {
    // The runtime's own pools and heap have their size after a while.
    for (let i = 0; i < 50; i++) await once()
    const before = footprint()
    const beforeResident = resident()
    for (let i = 0; i < 500; i++) await once()
    const after = footprint()
    expect([after.files, after.threads]).toEqual([before.files, before.threads])
    expect(after.mappings).toBeLessThan(before.mappings + 50)
    // 500 machines of 4 MiB are 2000 MiB.
    expect(resident() - beforeResident).toBeLessThan(40 * mib)
  },
  120_000
)

it.skipIf(noKvm !== undefined)(
  "50 kills at random moments neither leak nor hang",
  async () => {
    await once()
    const before = footprint()
    let seed = 7
    const random = (below: number): number => {
      seed = (seed * 48271) % 2147483647
      return seed % below
    }
    for (let i = 0; i < 50; i++) {
      const guest = makeGuest(i % 2 === 0 ? echo : spin, { count: 1 + random(4) })
      if (i % 7 !== 0) guest.machine.start()
      send(guest, "abc")
      if (i % 5 === 0) guest.machine.pause()
      await new Promise((resolve) => setTimeout(resolve, random(4)))
      if (i % 3 === 0) guest.machine.stop()
      await guest.destroy()
    }
    const after = footprint()
    expect([after.files, after.threads]).toEqual([before.files, before.threads])
    expect(after.mappings).toBeLessThan(before.mappings + 50)
  },
  60_000
)
