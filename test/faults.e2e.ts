import { execFileSync } from "node:child_process"
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { writeTinyGuest } from "../core/test/vmm/tinyGuest.ts"
import { type Ended, environment, ktstr, leftovers, none, start } from "./ktstr.ts"
import { asNobody, inNamespace } from "./namespace.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-faults-"))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const steady = ["run", "steady", "--topology", "1n1l2c1t", "--duration", "1"]

const cachedKernel = async (): Promise<{ image: string; vmlinux: string | null }> => {
  const { stdout } = await ktstr(["kernel", "list", "--json"])
  return JSON.parse(stdout).entries.find((entry: { valid: boolean }) => entry.valid)
}

/** Runs with a fault in it; whatever happens, nothing may be left behind. */
const faulty = async (args: ReadonlyArray<string>, env: Record<string, string | undefined> = {}): Promise<Ended> => {
  const ended = await ktstr(args, { env, deadlineMs: 90_000 })
  expect(await leftovers()).toEqual(none)
  expect(ended.signal).toBeNull()
  return ended
}

const oneLine = (text: string): string => {
  expect(text.trim().split("\n")).toHaveLength(1)
  return text.trim()
}

/** Warnings may come before the error. */
const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

describe("what is missing or broken before a machine starts", () => {
  it("qemu is not there", async () => {
    const empty = join(scratch, "empty")
    mkdirSync(empty)
    const { code, stderr } = await faulty([...steady, "--vmm", "qemu"], { PATH: empty })
    expect(oneLine(stderr)).toMatch(/qemu-system-x86_64 not found.*apt-get install qemu-system-x86/)
    expect(code).toBe(69)
  })

  it("the kernel is a text file", async () => {
    const file = join(scratch, "kernel.txt")
    writeFileSync(file, "this is no kernel\n".repeat(500))
    const { code, stderr } = await faulty([...steady, "--kernel", file])
    expect(oneLine(stderr)).toMatch(/kernel\.txt is not a kernel image/)
    expect(code).toBe(64)
  })

  it("the kernel is half a bzImage", async () => {
    const { image } = await cachedKernel()
    const file = join(scratch, "half-bzImage")
    const half = Buffer.alloc(1 << 20)
    const from = openSync(image, "r")
    readSync(from, half, 0, half.length, 0)
    closeSync(from)
    writeFileSync(file, half)
    const { code, stderr } = await faulty([...steady, "--kernel", file])
    expect(oneLine(stderr)).toMatch(/half-bzImage.*truncated/)
    expect(code).toBe(64)
  })

  it.each([
    ["unset", undefined, /HOME is unset; cannot resolve cache directory\./],
    ["empty", "", /HOME is set to the empty string; cannot resolve cache directory\./]
  ])("HOME is %s", async (_name, HOME, says) => {
    const { code, stderr } = await faulty(["kernel", "list"], {
      HOME,
      XDG_CACHE_HOME: undefined,
      KTSTR_CACHE_DIR: undefined
    })
    expect(oneLine(stderr)).toMatch(says)
    expect(code).toBe(69)
  })
})

describe("/dev/kvm that is of no use", () => {
  /** The command in a namespace, prepared by `prepare`. */
  const prepared = (prepare: string, as: ReadonlyArray<string>, args: ReadonlyArray<string>) =>
    inNamespace("cli/dist/bin.js", args, { scratch, prepare, as })
  /** Readable for everyone, as the cache may not be. */
  const kernelFor = async (): Promise<string> => {
    const file = join(scratch, "kernel-for-everyone")
    if (!existsSync(file)) copyFileSync((await cachedKernel()).image, file)
    chmodSync(file, 0o644)
    return file
  }
  const native = async () => [...steady, "--vmm", "native", "--kernel", await kernelFor()]
  const noKvm = `mkdir WORLD/dev
mount -t tmpfs dev WORLD/dev
cp -a /dev/null /dev/zero /dev/random /dev/urandom WORLD/dev
mkdir WORLD/dev/shm
mount --bind /dev/shm WORLD/dev/shm
mount --bind WORLD/dev /dev`

  it("is absent: the message says what KVM requires, and so does doctor", async () => {
    const { code, stderr } = prepared(noKvm, [], await native())
    expect(stderr.split("\n")).toEqual([
      "ktstr: /dev/kvm not found. KVM requires:",
      "  - Linux kernel with KVM support (CONFIG_KVM)",
      "  - Access to /dev/kvm (check permissions or add user to 'kvm' group)",
      "  - Hardware virtualization enabled in BIOS (VT-x/AMD-V)"
    ])
    expect(code).toBe(69)
    const { stdout } = prepared(noKvm, [], ["doctor", "--json"])
    expect(stdout).toMatch(/"detail": "absent/)
    expect(stdout).toMatch(/"fix": "load kvm_intel or kvm_amd/)
  })

  it("is not for this user: the message names the group", async () => {
    const closed = `${noKvm}
mknod /dev/kvm c 10 232
chmod 600 /dev/kvm`
    const { code, stderr } = prepared(closed, asNobody, await native())
    expect(stderr.split("\n")).toEqual([
      "ktstr: /dev/kvm: permission denied. Add your user to the 'kvm' group:",
      "  sudo usermod -aG kvm $USER",
      "  then log out and back in."
    ])
    expect(code).toBe(69)
  })

  it("is no KVM at all: one line says so and what to do", async () => {
    const { code, stderr } = prepared(`${noKvm}\ncp -a /dev/null /dev/kvm`, [], await native())
    expect(oneLine(stderr)).toMatch(/^ktstr: \/dev\/kvm: present, not usable: .*; use --vmm qemu-tcg, or auto/)
    expect(code).toBe(69)
  })

  it("more guest memory than this machine has", async () => {
    const { code, stderr } = await faulty([...steady, "--vmm", "qemu-tcg", "--memory", "4000000"])
    expect(lastLine(stderr)).toMatch(
      /guest memory of 4000000 MiB does not fit in \/dev\/shm, which has \d+ MiB free: ask for less/
    )
    expect(code).toBe(69)
  })
})

describe("what goes wrong in the guest", () => {
  const run = (...kargs: ReadonlyArray<string>) =>
    faulty([...steady, "--format", "json", ...kargs.flatMap((karg) => ["--kargs", karg])])

  it("the kernel panics at boot", async () => {
    const { code, stdout } = await run("rdinit=/nonexistent")
    const result = JSON.parse(stdout)
    expect(result.outcome).toBe("fail")
    expect(result.details[0]).toMatch(/the guest kernel panicked: .*(root fs|init)/)
    expect(result.diagnostics.stage).toBe("kernel booting")
    expect(result.diagnostics.consoleTail.join("\n")).toContain("Kernel panic")
    expect(result.diagnostics.consoleTail.length).toBeLessThanOrEqual(20)
    expect(code).toBe(1)
  })

  it("the kernel never says a word", async () => {
    const kernel = join(scratch, "silent.elf")
    writeTinyGuest(kernel, "hang", "")
    const { code, stdout } = await faulty([...steady, "--format", "json", "--kernel", kernel, "--boot-timeout", "3"])
    const result = JSON.parse(stdout)
    expect(result.details[0]).toMatch(
      /^the guest did not reach the agent within 3s \(stage: no console output; .*serial/
    )
    expect(result.diagnostics.stage).toBe("no console output")
    // A host that kept the machine waiting for a good part of these seconds may be to blame.
    expect([result.outcome, code]).toEqual(
      /not judged: the host/.test(result.details[0]) ? ["inconclusive", 2] : ["fail", 1]
    )
  })

  it("the kernel has no serial ports", async () => {
    const { code, stdout } = await run("8250.nr_uarts=0")
    const result = JSON.parse(stdout)
    // Out of guest memory, where the log is without any console.
    expect(result.diagnostics.consoleTail).toContainEqual(
      expect.stringMatching(/^\[ +\d+\.\d{6}\] Run \/\S+ as init process$/)
    )
    expect(result.details[0]).toMatch(/\(stage: no console output; does the kernel have a serial console/)
    expect(result.diagnostics.stage).toBe("no console output")
    expect(code).toBe(1)
  })

  it("the agent never speaks", async () => {
    const { code, stdout, ms } = await faulty([
      ...steady,
      ...["--format", "json", "--boot-timeout", "12", "--kargs", "ktstr.fault=hang"]
    ])
    const result = JSON.parse(stdout)
    expect(result.details[0]).toMatch(/did not reach the agent within 12s \(stage: init started\)/)
    // A busy host may be why it did not.
    expect(code).toBe(result.details[0].includes("; not judged: ") ? 2 : 1)
    expect(ms).toBeLessThan(30_000)
  })

  it("the agent dies", async () => {
    const { code, stdout } = await run("ktstr.fault=crash")
    expect(JSON.parse(stdout).details[0]).toMatch(/the guest kernel panicked: Attempted to kill init!/)
    expect(code).toBe(1)
  })

  it("the agent sends half a frame", async () => {
    const { code, stdout } = await run("ktstr.fault=torn")
    expect(JSON.parse(stdout).details[0]).toMatch(/the agent's channel broke: Frame at offset \d+: the stream ends/)
    expect(code).toBe(1)
  })

  it("the agent sends a frame with a wrong checksum", async () => {
    const { code, stdout } = await run("ktstr.fault=crc")
    expect(JSON.parse(stdout).details[0]).toMatch(/the agent's channel broke: Frame at offset \d+: CRC/)
    expect(code).toBe(1)
  })
})

describe("interruptions", () => {
  it.each([
    ["while it boots", /booting/i, "SIGINT", 130],
    ["while it holds", /agent ready|holding|step/i, "SIGINT", 130],
    ["by SIGTERM while it holds", /agent ready|holding|step/i, "SIGTERM", 143]
  ] as const)("Ctrl-C %s leaves nothing", async (_name, moment, signal, expected) => {
    const run = start(["run", "steady", "--topology", "1n1l2c1t", "--duration", "20"])
    await run.shows(moment)
    await new Promise((resolve) => setTimeout(resolve, 300))
    run.child.kill(signal)
    const { code, ms, stderr } = await run.ended
    expect(stderr).toMatch(/interrupted/i)
    expect(code).toBe(expected)
    expect(ms).toBeLessThan(20_000)
    expect(await leftovers()).toEqual(none)
  })
})

describe("the cache", () => {
  it("serves two runs at once, from an empty initramfs cache", async () => {
    const { image } = await cachedKernel()
    const cache = join(scratch, "shared/kernels")
    const runs = await Promise.all(
      [1, 2].map(() => ktstr([...steady, "--format", "json", "--kernel", image], { env: { KTSTR_CACHE_DIR: cache } }))
    )
    for (const { code, stdout } of runs) {
      expect(JSON.parse(stdout).outcome).toBe("pass")
      expect(code).toBe(0)
    }
    expect(await leftovers()).toEqual(none)
  })

  /** A small tmpfs at `name`; the work runs in a private mount namespace, so that this machine never sees the mount. */
  const onTmpfs = (options: string, fill: string, args: ReadonlyArray<string>) => {
    const folder = join(scratch, `tmpfs-${options.replace(/\W/g, "-")}`)
    mkdirSync(folder, { recursive: true })
    const bin = join(import.meta.dirname, "../cli/dist/bin.js")
    const script = `mount -t tmpfs -o size=1m tmpfs ${folder} && ${fill.replaceAll("DIR", folder)} && mount -o remount,${options} ${folder} && exec ${process.execPath} ${bin} ${args.join(" ")}`
    try {
      const stdout = execFileSync("unshare", ["-m", "sh", "-c", script], {
        env: environment({ KTSTR_CACHE_DIR: `${folder}/kernels` }),
        stdio: ["ignore", "pipe", "pipe"],
        encoding: "utf8"
      })
      return { code: 0, stdout, stderr: "" }
    } catch (error) {
      const failed = error as { status: number; stdout: string; stderr: string }
      return { code: failed.status, stdout: failed.stdout, stderr: failed.stderr }
    }
  }

  it("is read-only: fetching fails with one line, running a given image works", async () => {
    const fetched = onTmpfs("ro", "mkdir DIR/kernels", ["kernel", "fetch"])
    expect(lastLine(fetched.stderr)).toMatch(/tmpfs-ro.*(read-only|Read-only).*KTSTR_CACHE_DIR/)
    expect(fetched.code).toBe(69)
    const { image } = await cachedKernel()
    const ran = onTmpfs("ro", "mkdir DIR/kernels", [...steady, "--format", "json", "--kernel", image])
    expect(JSON.parse(ran.stdout).outcome).toBe("pass")
    expect(ran.code).toBe(0)
  })

  it("is full: fetching fails with one line and leaves no half entry", async () => {
    const fetched = onTmpfs("size=1m", "mkdir DIR/kernels", ["kernel", "fetch"])
    expect(lastLine(fetched.stderr)).toMatch(/tmpfs-size-1m.*(full|no space).*KTSTR_CACHE_DIR/i)
    expect(fetched.code).toBe(69)
  })
})

describe("the machine's own kernel files", () => {
  it("an image beside spaces and dots is taken as it is", async () => {
    const { image } = await cachedKernel()
    const folder = join(scratch, "my kernels, v7.3")
    mkdirSync(folder)
    copyFileSync(image, join(folder, "bz Image"))
    expect(existsSync(join(folder, "bz Image"))).toBe(true)
    const { code, stdout } = await faulty([...steady, "--format", "json", "--kernel", join(folder, "bz Image")])
    expect(JSON.parse(stdout).outcome).toBe("pass")
    expect(code).toBe(0)
  })
})
