import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { NodeContext } from "@effect/platform-node"
import { expect, it } from "@effect/vitest"
import { KvmVerdict } from "@ktstr/core/machine"
import { layerKvmProbe, makeKvmProbe, parseKvmVerdict, probeKvm } from "@ktstr/native"
import { Effect } from "effect"
import { afterAll, beforeAll, describe } from "vitest"

const sources = fileURLToPath(new URL("../probe", import.meta.url))
let directory: string
const program = (): string => path.join(directory, "kvm-probe")

beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "ktstr-probe-test-"))
  execFileSync("make", ["-s", "-C", sources, `OUT=${directory}`])
})
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }))

/** A program that prints a verdict and counts its runs. */
const script = (name: string, verdict: string): string => {
  const file = path.join(directory, name)
  fs.writeFileSync(file, `#!/bin/sh\necho run >> ${file}.runs\necho '${verdict}'\n`, { mode: 0o755 })
  return file
}
const runsOf = (file: string): number => fs.readFileSync(`${file}.runs`, "utf8").trim().split("\n").length

describe("kvm-probe", () => {
  it.live("judges this machine's KVM in time", () =>
    Effect.gen(function* () {
      const began = Date.now()
      const verdict = yield* probeKvm(program())
      expect(Date.now() - began).toBeLessThan(3500)
      expect(verdict.reason).not.toMatch(/can't run|without a verdict/)
      if (fs.existsSync("/dev/kvm")) expect(verdict.verdict).not.toBe("absent")
      else expect(verdict.verdict).toBe("absent")
      expect(verdict.usable).toBe(verdict.verdict === "usable")
      if (verdict.usable) expect(verdict.ratio).toBeLessThan(8)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

describe("KvmProbe", () => {
  it.live("keeps a verdict for this boot, and asks once a process", () =>
    Effect.gen(function* () {
      const said = script("wrong", '{"verdict":"wrong","reason":"POPCNT: the instruction faulted"}')
      const cacheDir = path.join(directory, "cache", "deeper")
      const first = yield* makeKvmProbe({ program: said, cacheDir })
      const verdicts = [yield* first.verdict, yield* first.verdict]
      const second = yield* makeKvmProbe({ program: said, cacheDir })
      verdicts.push(yield* second.verdict)
      expect(verdicts.map((v) => v.reason)).toEqual(Array(3).fill("POPCNT: the instruction faulted"))
      // Without a /dev/kvm to open, a cached verdict is ignored.
      expect(runsOf(said)).toBe(fs.existsSync("/dev/kvm") ? 1 : 2)
      expect(fs.readdirSync(cacheDir)).toHaveLength(1)
      const bootId = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
      expect(fs.readdirSync(cacheDir)[0]).toContain(bootId)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.live("keeps nothing that the user can mend", () =>
    Effect.gen(function* () {
      const said = script("denied", '{"verdict":"denied","reason":"/dev/kvm: Permission denied"}')
      const cacheDir = path.join(directory, "cache-denied")
      for (const _ of [1, 2]) {
        const probe = yield* makeKvmProbe({ program: said, cacheDir })
        expect((yield* probe.verdict).verdict).toBe("denied")
      }
      expect(runsOf(said)).toBe(2)
      expect(fs.existsSync(cacheDir)).toBe(false)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.live("works without a cache that can be written, and over a torn one", () =>
    Effect.gen(function* () {
      const said = script("slow", '{"verdict":"too slow","reason":"400 times","ratio":400}')
      const inTheWay = path.join(directory, "file")
      fs.writeFileSync(inTheWay, "")
      const unwritable = yield* makeKvmProbe({ program: said, cacheDir: path.join(inTheWay, "cache") })
      expect((yield* unwritable.verdict).ratio).toBe(400)

      const torn = path.join(directory, "cache-torn")
      const probe = yield* makeKvmProbe({ program: said, cacheDir: torn })
      yield* probe.verdict
      const kept = path.join(torn, fs.readdirSync(torn)[0]!)
      fs.writeFileSync(kept, '{"verdict":"usa')
      const again = yield* makeKvmProbe({ program: said, cacheDir: torn })
      expect((yield* again.verdict).verdict).toBe("too slow")
      expect(fs.readFileSync(kept, "utf8")).toContain("too slow")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.live("takes a program that is missing or babbles for a verdict against KVM", () =>
    Effect.gen(function* () {
      const missing = yield* probeKvm(path.join(directory, "nowhere"))
      expect(missing.verdict).toBe("wrong")
      expect(missing.reason).toContain("make -C native/probe")
      const babble = yield* probeKvm(script("babble", "hello"))
      expect(babble).toEqual(
        KvmVerdict.make({ verdict: "wrong", reason: "the probe ended without a verdict: 'hello'" })
      )
      expect((yield* parseKvmVerdict("")).usable).toBe(false)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.live(
    "gives up on a program that never ends",
    () =>
      Effect.gen(function* () {
        const stuck = path.join(directory, "stuck")
        fs.writeFileSync(stuck, "#!/bin/sh\nexec sleep 3\n", { mode: 0o755 })
        const verdict = yield* probeKvm(stuck, "200 millis")
        expect(verdict).toEqual(KvmVerdict.make({ verdict: "too slow", reason: "the probe did not end within 200ms" }))
      }).pipe(Effect.provide(NodeContext.layer)),
    10_000
  )

  it("says how to mend an absent or denied /dev/kvm", () => {
    const message = (verdict: KvmVerdict["verdict"]): string => KvmVerdict.make({ verdict, reason: "why" }).message
    expect(message("absent").split("\n")[0]).toBe("/dev/kvm not found. KVM requires:")
    expect(message("denied").split("\n")).toEqual([
      "/dev/kvm: permission denied. Add your user to the 'kvm' group:",
      "  sudo usermod -aG kvm $USER",
      "  then log out and back in."
    ])
    expect(message("wrong")).toBe("/dev/kvm: present, not usable: wrong: why")
    const finding = (verdict: KvmVerdict["verdict"]): string => KvmVerdict.make({ verdict, reason: "why\nnot" }).finding
    expect([finding("absent"), finding("denied"), finding("wrong")]).toEqual([
      "/dev/kvm not found",
      "/dev/kvm: permission denied",
      "/dev/kvm: present, not usable: wrong: why; not"
    ])
    expect(layerKvmProbe({ program: "kvm-probe" })).toBeDefined()
  })
})
