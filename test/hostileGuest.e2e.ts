// An untrusted guest in a real machine: its own init in place of the agent writes to the real channel and the real ring whatever
// a guest can say. The command ends in time, names what was wrong, never with the code of an internal error, and leaves nothing.
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AgentEvent, encodeEvent } from "@ktstr/core/protocol"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { events } from "../core/test/guest/samples.ts"
import { type Ended, ktstr, leftovers, none, root } from "./ktstr.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-hostile-"))
const init = join(scratch, "hostile")
beforeAll(() => {
  const source = join(root, "test/fixtures/hostileGuest/init.c")
  execFileSync("gcc", ["-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", init, source])
  symlinkSync(join(root, "node_modules"), join(scratch, "node_modules"))
})
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  expect(await leftovers()).toEqual(none)
})

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

const op = (letter: string, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(letter), u32(content.length), content])
}

const say = (bytes: Uint8Array | string): Buffer => op("S", Buffer.from(bytes))
const wait = op("W")
const off = op("P")

/** As the script's player frames it: with its own next number. */
const frame = (
  event: AgentEvent,
  through: "com2" | "ring" = "com2",
  change: (payload: Buffer) => Buffer = (p) => p
) => {
  const whole = Buffer.from(encodeEvent(event, 0))
  return op(
    "F",
    Uint8Array.of(through === "ring" ? 1 : 0),
    whole.subarray(4, 6),
    change(Buffer.from(whole.subarray(12, -4)))
  )
}

const ready = (transport: "serial" | "ring") =>
  AgentEvent.Ready({ ...(events[0] as Extract<AgentEvent, { _tag: "Ready" }>), transport })
const report = events.find(({ _tag }) => _tag === "Report") as Extract<AgentEvent, { _tag: "Report" }>
const log = AgentEvent.Log({ level: "error", text: `\u001b[2J${"x".repeat(2000)}` })
const done = (workers: number) => AgentEvent.Done({ timeNs: 0, ok: true, workers })

/** The ring's header, as it must be but for what is given. */
const ringHeader = (header: { readonly data?: number; readonly input?: number; readonly head?: bigint } = {}) => {
  const bytes = Buffer.alloc(72)
  bytes.write("KTSTRING")
  bytes.writeUInt32LE(1, 8)
  bytes.writeUInt32LE(header.data ?? 16 * 1024 * 1024 - 4096 - 65_536, 12)
  bytes.writeUInt32LE(header.input ?? 65_536, 16)
  bytes.writeBigUInt64LE(header.head ?? 0n, 64)
  return op("M", u32(0), bytes)
}

const doorbell = say(Uint8Array.of(7))

/** These again and again, behind what was before. */
const endless = (before: ReadonlyArray<Buffer>, again: ReadonlyArray<Buffer>): ReadonlyArray<Buffer> => [
  ...before,
  ...again,
  op("L", u32(before.reduce((sum, { length }) => sum + length, 0)))
]

const header = (length: number, magic = 0x534b): Buffer => {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32LE(length)
  bytes.writeUInt16LE(1, 4)
  bytes.writeUInt16LE(magic, 6)
  return bytes
}

const cases: ReadonlyArray<readonly [name: string, script: ReadonlyArray<Buffer>, cause: RegExp]> = [
  ["bytes that are no frames", [say("hello, host\n".repeat(50)), wait], /the agent's channel broke: .*offset 0/],
  ["a frame of 4 GiB", [say(header(0xffffffff)), wait], /the agent's channel broke: .*offset 0/],
  [
    "a frame with another checksum",
    [
      say(
        (() => {
          const bytes = Buffer.from(encodeEvent(ready("serial"), 0))
          bytes[bytes.length - 1]! ^= 1
          return bytes
        })()
      ),
      wait
    ],
    /the agent's channel broke: .*CRC/i
  ],
  ["events before READY", [frame(done(0)), wait], /the agent's channel broke: .*READY/],
  [
    "a list of 4 billion",
    [
      frame(ready("serial"), "com2", (payload) => Buffer.concat([payload.subarray(0, 8), Buffer.alloc(60, 0xff)])),
      wait
    ],
    /the agent's channel broke: /
  ],
  [
    "a ring without data",
    [ringHeader({ data: 0, input: 16 * 1024 * 1024 - 4096, head: 1n }), frame(ready("ring")), doorbell, wait],
    /the agent's channel broke: .*ring: /
  ],
  [
    "a ring that has gone round a million times",
    [ringHeader(), frame(ready("ring")), ringHeader({ head: 2n ** 62n }), doorbell, wait],
    /the agent's channel broke: .*ring: /
  ],
  [
    "reports of nobody's workers without end",
    endless([frame(ready("serial"))], [frame({ ...report, group: 9 })]),
    /the scenario did not end within \d+s/
  ],
  [
    "lines of a log without end, through the ring",
    endless([ringHeader(), frame(ready("ring"))], [frame(log, "ring")]),
    /the scenario did not end within \d+s/
  ],
  [
    "reports of nobody's workers, and the end",
    [frame(ready("serial")), ...Array.from({ length: 40 }, () => frame({ ...report, group: 9 })), frame(done(40)), off],
    /the guest reported worker \d+ of group 9, which nothing has started/
  ],
  ["its end at once", [off], /stage: /]
]

const test = (name: string, number: number): string => {
  const extraIncludeFiles = [`${init}:/hostile`, `${join(scratch, `${number}.script`)}:/script`]
  const options = { topology: "1n1l1c1t", durationS: 1, kargs: ["rdinit=/hostile"], extraIncludeFiles }
  return `ktstrTest(${JSON.stringify(name)}, ${JSON.stringify(options)}, () => [Step.withDefs([CgroupDef.named("a")], HoldSpec.FULL)])`
}

/** One session with a machine for each case. */
const played = async () => {
  for (const [number, [, script]] of cases.entries())
    writeFileSync(join(scratch, `${number}.script`), Buffer.concat(script))
  const head = 'import { CgroupDef, HoldSpec, Step } from "@ktstr/core"\nimport { ktstrTest } from "@ktstr/vitest"\n'
  writeFileSync(join(scratch, "hostile.ktstr.ts"), head + cases.map(([name], number) => test(name, number)).join("\n"))
  const args = ["test", "hostile.ktstr.ts", "--kernel", inject("kernel").image, "--vmm", "qemu-tcg", "--format", "json"]
  return await ktstr(args, { cwd: scratch, deadlineMs: 540_000 })
}

describe("a machine whose init is no agent", () => {
  let session: Ended
  let runs: ReadonlyArray<{
    readonly scenario: string
    readonly outcome: string
    readonly details: ReadonlyArray<string>
  }>
  beforeAll(async () => {
    session = await played()
    runs = JSON.parse(session.stdout).runs
  }, 550_000)

  it("fails, and is no internal error", () => {
    expect(session.code, session.stderr).toBe(1)
    expect(session.stderr).not.toMatch(/internal error|RangeError|TypeError/)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left
    expect(session.stderr + session.stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
    // Of lists without end there are some thousands and a count.
    expect(session.stdout.length).toBeLessThan(64 * 1024 * 1024)
  })

  it.each(cases.map(([name, , cause]) => [name, cause] as const))("%s: is named", (name, cause) => {
    const run = runs.find(({ scenario }) => scenario === name)
    expect(["fail", "inconclusive"], session.stderr).toContain(run?.outcome)
    expect(run?.details.join("\n")).toMatch(cause)
  })
})
