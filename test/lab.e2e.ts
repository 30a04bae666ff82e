// The KVM lab itself: commands run in it as they would here, and its KVM is real.
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Topology } from "@ktstr/core"
import { Either } from "effect"
import { afterAll, describe, expect, inject, it } from "vitest"
import { root } from "./ktstr.ts"
import { guestKernel, kernel612 } from "./lab/GuestKernel.ts"
import { asked, lookScript, seenByHwloc, seenBySysfs } from "./lab/GuestTopology.ts"
import { hasUsableKvm, useLab } from "./lab/Lab.ts"

const shown = mkdtempSync(join(tmpdir(), "ktstr-lab-shown-"))
writeFileSync(join(shown, "file"), "from the host\n")
afterAll(() => rmSync(shown, { recursive: true }))

const inLab = useLab({ show: [shown] })
const shell = (script: string) => inLab(["sh", "-c", script])

/** Emulated, on a machine that others use as well. */
const slowMs = 600_000

/** An emulated machine's clock runs on while this machine serves others: how long workers wait says nothing here. */
const steady = (backend: string, topology: string): ReadonlyArray<string> => [
  ...["ktstr", "run", "steady", "--vmm", backend, "--topology", topology, "--memory", "768", "--duration", "2"],
  ...["--max-gap-ms", "120000", "--max-spread-pct", "100", "--boot-timeout", "400", "--kargs", "quiet"]
]

describe("a command in the lab", () => {
  it.each([0, 1, 37])("passes exit code %i on", async (code) => {
    expect(await shell(`exit ${code}`)).toMatchObject({ code, stdout: "", stderr: "" })
  })

  it("ends with 128 and the signal's number, and with 127 when there is no such program", async () => {
    expect((await shell("kill -9 $$")).code).toBe(137)
    expect((await inLab(["no-such-program"])).code).toBe(127)
  })

  it("has this checkout as its directory and this Node", async () => {
    const result = await inLab(["node", "-p", "process.cwd() + ' ' + process.version"])
    expect(result).toMatchObject({ code: 0, stdout: `${root.replace(/\/$/, "")} ${process.version}\n` })
  })

  it("keeps stdout and stderr apart and gives a megabyte of any bytes back whole", async () => {
    const made = "require('crypto').createHash('sha512')"
    const script = `let block = Buffer.alloc(64), all = []
      for (let n = 0; n < 16384; n++) all.push(block = ${made}.update(block).digest())
      process.stdout.write(Buffer.concat(all)); process.stderr.write("beside")`
    const hash = createHash("sha256")
    const result = await inLab(["node", "-e", script], {
      discard: true,
      onOutput: (stream, data) => void (stream === "stdout" ? hash.update(data) : expect(`${data}`).toBe("beside"))
    })
    const here = createHash("sha256")
    for (let n = 0, block = Buffer.alloc(64); n < 16384; n++) {
      block = createHash("sha512").update(block).digest()
      here.update(block)
    }
    expect(result.code).toBe(0)
    expect(hash.digest("hex")).toBe(here.digest("hex"))
  })

  it("gets its standard input and variables", async () => {
    const result = await inLab(["sh", "-c", "cat; echo $GREETING"], { stdin: "in\n", env: { GREETING: "hello" } })
    expect(result.stdout).toBe("in\nhello\n")
  })

  it("is killed with its children when its time is up", async () => {
    const result = await inLab(["sh", "-c", "sleep 1000 & sleep 1000"], { timeoutMs: 1_000 })
    expect(result).toMatchObject({ code: 137, timedOut: true })
    expect((await shell("pgrep -x sleep")).stdout).toBe("")
  })

  it("runs beside others", async () => {
    const results = await Promise.all([1, 2, 3].map((n) => shell(`sleep 0.2; echo ${n}`)))
    expect(results.map(({ stdout }) => stdout)).toEqual(["1\n", "2\n", "3\n"])
  })

  it("sees a directory shown to it", async () => {
    expect((await inLab(["cat", join(shown, "file")])).stdout).toBe("from the host\n")
  })
})

describe("level 1", () => {
  it("can write everywhere, and nothing of it reaches this machine", async (context) => {
    if (await hasUsableKvm()) context.skip("commands run on this machine itself")
    const result = await shell(`echo x > ${root}/package.json && echo x > /dev/shm/x && cat ${root}/package.json`)
    expect(result).toMatchObject({ code: 0, stdout: "x\n" })
    expect(readFileSync(join(root, "package.json"), "utf8")).toContain("ktstr")
  })

  it("has cgroup v2 with cpuset and cpu", async (context) => {
    if (await hasUsableKvm()) context.skip("this machine's cgroups are its owner's affair")
    const { stdout } = await shell("stat -fc %T /sys/fs/cgroup; cat /sys/fs/cgroup/cgroup.subtree_control")
    expect(stdout.split(/\s+/)).toEqual(expect.arrayContaining(["cgroup2fs", "cpuset", "cpu"]))
  })

  it("has a KVM that the pre-flight calls usable", async () => {
    const result = await inLab(["native/probe/build/kvm-probe"])
    expect(JSON.parse(result.stdout)).toMatchObject({ verdict: "usable" })
  })

  it(
    "runs the exec of the documentation and passes its exit code on",
    async () => {
      const exec = ["ktstr", "exec", "--vmm", "native", "--topology", "2n4l2c1t", "-i", "hwloc-ls"]
      // The documentation's patience is for a lab that has a CPU for itself.
      const { code, stdout, stderr } = await inLab([...exec, "--boot-timeout", "400", "hwloc-ls --no-io; exit 21"], {
        timeoutMs: slowMs - 10_000
      })
      expect({ code, stderr }).toEqual({ code: 21, stderr: "" })
      expect([/NUMANode L#/g, /L3 L#/g, /Core L#/g, /PU L#/g].map((unit) => stdout.match(unit)?.length)).toEqual([
        2, 4, 8, 8
      ])
    },
    slowMs
  )

  it(
    "runs a scenario under qemu with KVM",
    async () => {
      const { code, stderr } = await inLab([...steady("qemu-kvm", "1n1l2c1t"), "--kernel", inject("kernel").image], {
        timeoutMs: slowMs - 10_000
      })
      expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining("qemu-kvm") })
    },
    slowMs
  )
})

const kernels = { "7.3": () => Promise.resolve(inject("kernel")), "6.12": () => guestKernel(kernel612) }

describe.each(["7.3", "6.12"] as const)("a %s kernel on the native backend", (name) => {
  it.each(["1n1l1c1t", "1n2l2c1t", "1n2l2c2t", "1n3l3c1t", "2n4l2c1t", "2n2l2c1t[2+0]"])(
    "sees the topology %s, in sysfs and through hwloc",
    async (topology) => {
      const { image, version } = await kernels[name]()
      const how = ["--vmm", "native", "--kernel", image, "--topology", topology, "--memory", "512", "--kargs", "quiet"]
      const exec = ["ktstr", "exec", ...how, "--boot-timeout", "400", "-i", "hwloc-ls", lookScript]
      const { code, stdout, stderr } = await inLab(exec, { timeoutMs: slowMs - 10_000 })
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
      expect(stdout).toContain(`release ${version}\n`)
      const wanted = asked(Either.getOrThrow(Topology.parse(topology)))
      expect(seenBySysfs(stdout)).toEqual(wanted)
      expect(seenByHwloc(stdout)).toEqual(wanted)
    },
    slowMs
  )

  it.each(["1n2l2c1t", "2n2l2c1t[2+0]"])(
    "runs a scenario with the topology %s",
    async (topology) => {
      const { image, version } = await kernels[name]()
      const run = [...steady("native", topology), "--format", "json", "--kernel", image]
      const { code, stdout, stderr } = await inLab(run, { timeoutMs: slowMs - 10_000 })
      expect(stderr).toBe("")
      expect(JSON.parse(stdout)).toMatchObject({
        outcome: "pass",
        backend: "native",
        clock: "kvm",
        kernel: { release: version },
        topology: { requested: topology, guest: { summary: topology } }
      })
      expect(code).toBe(0)
    },
    slowMs
  )
})
