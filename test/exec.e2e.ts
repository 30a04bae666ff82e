import { spawn } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { bin, environment, ktstr, leftovers, none } from "./ktstr.ts"

/** Runs `ktstr exec ARGS` with `input` on standard input; standard output as bytes. */
const feed = (args: ReadonlyArray<string>, input: Uint8Array) =>
  new Promise<{ code: number | null; stdout: Buffer; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [bin, "exec", ...args], { env: environment() })
    const stdout: Array<Buffer> = []
    let stderr = ""
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    child.on("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }))
    child.stdin.end(input)
  })

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")
const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0

/** Standard error without the pre-flight's message on /dev/kvm. */
const said = (stderr: string) =>
  stderr
    .trim()
    .split("\n")
    .filter((line) => !line.includes("using qemu emulation"))
    .join("\n")

describe("ktstr exec", () => {
  it("passes streams and exit code through", async () => {
    const ended = await ktstr(["exec", "id -un; echo to stderr >&2; exit 3"])
    expect(ended.stdout).toBe("root\n")
    expect(said(ended.stderr)).toBe("to stderr")
    expect(ended.code).toBe(3)
    expect(await leftovers()).toEqual(none)
  })

  it("gives 0 for a program that succeeds, whose options are its own", async () => {
    const ended = await ktstr(["exec", "--topology", "1n1l3c1t", "grep", "-c", "^processor", "/proc/cpuinfo"])
    expect(ended.stdout).toBe("3\n")
    expect(ended.code).toBe(0)
  })

  it("gives 128 + N when signal N killed the command", async () => {
    const ended = await ktstr(["exec", "kill -9 $$"])
    expect(ended.code).toBe(137)
  })

  it("gives 127 for a program that is not there", async () => {
    const ended = await ktstr(["exec", "nonesuch", "-x"])
    expect(said(ended.stderr)).toBe("ktstr: can't run nonesuch in the guest: No such file or directory: nonesuch")
    expect(ended.code).toBe(127)
  })

  it("brings 10 MB of output over whole", async () => {
    const ended = await feed(["seq 1 1500000 | head -c 10485760"], new Uint8Array())
    let expected = ""
    for (let i = 1; expected.length < 10_485_760; i++) expected += `${i}\n`
    expect(ended.stdout.length).toBe(10_485_760)
    expect(sha256(ended.stdout)).toBe(sha256(Buffer.from(expected.slice(0, 10_485_760))))
    expect(ended.code).toBe(0)
  })

  it("passes standard input on, byte for byte, to its end", async () => {
    const input = randomBytes(200_000)
    const ended = await feed(["cat"], input)
    expect(sha256(ended.stdout)).toBe(sha256(input))
    expect(ended.code).toBe(0)
  })

  it("ends with the command although standard input goes on", async () => {
    const child = spawn(process.execPath, [bin, "exec", "head -n 1"], { env: environment() })
    let stdout = ""
    child.stdout.on("data", (chunk) => {
      stdout += chunk
    })
    child.stdin.write("one\ntwo\n")
    const code = await new Promise((resolve) => child.on("close", resolve))
    expect(stdout).toBe("one\n")
    expect(code).toBe(0)
  })

  it("brings a program with its libraries, which finds the topology that was asked for", async () => {
    const ended = await ktstr(["exec", "--topology", "2n4l2c1t", "-i", "hwloc-ls", "hwloc-ls --no-io --of console"])
    expect(ended.code).toBe(0)
    expect(count(ended.stdout, /NUMANode L#\d+ /g)).toBe(2)
    expect(count(ended.stdout, /L3 L#\d+ /g)).toBe(4)
    expect(count(ended.stdout, /Core L#\d+/g)).toBe(8)
    expect(count(ended.stdout, /PU L#\d+/g)).toBe(8)
  })

  it("tells threads of a core from cores", async () => {
    const ended = await ktstr(["exec", "--topology", "1n2l2c2t", "-i", "hwloc-ls", "hwloc-ls --no-io --of console"])
    expect(
      [/NUMANode L#\d+ /g, /L3 L#\d+ /g, /Core L#\d+/g, /PU L#\d+/g].map((unit) => count(ended.stdout, unit))
    ).toEqual([1, 2, 4, 8])
  })

  it("shows the kernel's console on standard error with --dmesg", async () => {
    const ended = await ktstr(["exec", "--dmesg", "--kargs", "ktstr_probe=1", "cat /proc/cmdline"])
    expect(ended.stderr).toMatch(/\[ +\d+\.\d+\] .*Linux version \d/)
    expect(ended.stdout).toMatch(/\bktstr_probe=1\b/)
    expect(ended.stdout).not.toMatch(/Linux version/)
    expect(ended.code).toBe(0)
  })

  it("gives the kernel a command line of 2047 bytes whole, and refuses one more before it boots", async () => {
    const withFill = (bytes: number) =>
      ktstr(["exec", "--kargs", `probe.fill=${"x".repeat(bytes)}`, "cat /proc/cmdline"])
    const over = await withFill(3000)
    const has = Number(/the kernel command line has (\d+) bytes, a kernel reads 2047/.exec(over.stderr)?.[1])
    expect([over.code, said(over.stderr).split("\n").length]).toEqual([64, 1])
    const fits = 3000 - (has - 2047)
    const one = await withFill(fits + 1)
    expect(one.stderr).toContain("has 2048 bytes")
    expect(one.code).toBe(64)
    const full = await withFill(fits)
    expect([full.code, full.stdout.trimEnd().length]).toEqual([0, 2047])
  })

  it("says so when the command takes the guest down, and ends with 1", async () => {
    const ended = await ktstr(["exec", "echo c > /proc/sysrq-trigger"])
    expect(said(ended.stderr)).toMatch(/^ktstr: the guest kernel panicked: .*sysrq/i)
    expect(ended.code).toBe(1)
    expect(await leftovers()).toEqual(none)
  })

  it.each([
    [["exec", "-i", "nonesuch-program", "true"], "-i nonesuch-program: not found in filesystem or PATH", 69],
    [["exec", "-i", "./missing-file", "true"], "--include-files path not found: ./missing-file", 69],
    [["exec"], "ktstr exec needs a command", 64],
    [["exec", "--topology", "1n", "true"], "1n", 64],
    [["shell"], "stdin must be a terminal for interactive shell mode", 64]
  ] as const)("%j ends with one clear line", async (args, message, code) => {
    const ended = await ktstr(args)
    expect(ended.stderr.trim().split("\n")).toHaveLength(1)
    expect(ended.stderr).toContain(message)
    expect(ended.code).toBe(code)
  })

  it("warns of a directory without regular files", async () => {
    const folder = mkdtempSync(join(tmpdir(), "test-empty-"))
    try {
      const ended = await ktstr(["exec", "-i", "./", "true"], { cwd: folder })
      expect(said(ended.stderr)).toBe("warning: -i ./: directory contains no regular files")
      expect(ended.code).toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("leaves nothing behind when it is interrupted", async () => {
    const child = spawn(process.execPath, [bin, "exec", "echo begun; sleep 100"], {
      env: environment(),
      stdio: ["ignore", "pipe", "ignore"]
    })
    await new Promise((resolve) => child.stdout.once("data", resolve))
    child.kill("SIGINT")
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(130)
    expect(await leftovers()).toEqual(none)
  })

  it("runs strace, which needs ptrace in the guest", async () => {
    const ended = await ktstr(["exec", "-i", "strace", "strace -f -e trace=exit_group sh -c 'exit 4'"])
    expect(ended.stderr).toContain("exit_group(4)")
    expect(ended.code).toBe(4)
  })
})
