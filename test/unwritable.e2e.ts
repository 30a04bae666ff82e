// Standard output and standard error that take nothing: the command says so in a line, ends with EX_IOERR, and cleans up.
import { execFile } from "node:child_process"
import { describe, expect, it } from "vitest"
import { bin, environment, leftovers, none, root } from "./ktstr.ts"

interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

const shell = (command: string): Promise<Ended> =>
  new Promise((resolve) => {
    const env = environment({ KTSTR: `${process.execPath} ${bin}` })
    execFile("bash", ["-c", command], { cwd: root, env, timeout: 100_000 }, (error, stdout, stderr) =>
      resolve({ status: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr })
    )
  })

const commands = [
  "--help",
  "list",
  "list --json",
  "doctor",
  "topo",
  "kernel list",
  "kernel list --json",
  "locks",
  "cleanup --dry-run"
]

describe("standard output that can't be written", () => {
  it.each(commands)("is said by ktstr %s", async (command) => {
    const { status, stderr, stdout } = await shell(`$KTSTR ${command} > /dev/full`)
    expect(stderr).toContain("ktstr: can't write to standard output: no space left on device (ENOSPC)\n")
    expect(stderr.trim().split("\n")).toHaveLength(1)
    expect([status, stdout]).toEqual([74, ""])
  })

  it("is one that is not open for writing", async () => {
    const { status, stderr } = await shell("$KTSTR list 1< /dev/null")
    expect(stderr).toBe("ktstr: can't write to standard output: it is not open for writing (EBADF)\n")
    expect(status).toBe(74)
  })

  it("is a directory", async () => {
    const { status, stderr } = await shell("$KTSTR list 1< /")
    expect(stderr).toMatch(/^ktstr: can't write to standard output: .*\n$/)
    expect(status).toBe(74)
  })

  it("is a file that would be larger than is allowed", async () => {
    const { status, stderr } = await shell(
      'ulimit -f 1; file=$(mktemp); $KTSTR list --json > "$file"; code=$?; rm "$file"; exit $code'
    )
    expect(stderr).toContain("can't write to standard output: the file would be larger")
    expect(status).toBe(74)
  })

  it("ends what a guest runs, and leaves nothing", async () => {
    const { status, stderr } = await shell("$KTSTR exec 'echo hi; sleep 1000' > /dev/full")
    expect(stderr).toContain("ktstr: can't write to standard output: no space left on device (ENOSPC)\n")
    expect(status).toBe(74)
    expect(await leftovers()).toEqual(none)
  })

  it.each(["pretty", "json", "ndjson"])("ends a run that reports as %s", async (format) => {
    const { status, stderr } = await shell(`$KTSTR run steady -t 1n1l2c1t -d 0.5 --format ${format} > /dev/full`)
    expect(stderr).toContain("ktstr: can't write to standard output: no space left on device (ENOSPC)\n")
    expect(status).toBe(74)
    expect(await leftovers()).toEqual(none)
  })

  it("a reader that went away is no error", async () => {
    const { stderr, stdout } = await shell("$KTSTR list --json | head -c 1; echo $" + "{PIPESTATUS[0]}")
    expect(stderr).toBe("")
    expect(stdout).toMatch(/^[{[](0|141)\n$/)
  })
})

describe("standard error that can't be written", () => {
  it("ends the command with 74", async () => {
    expect((await shell("$KTSTR run stedy 2> /dev/full")).status).toBe(74)
    const { status } = await shell("$KTSTR exec 'echo hi >&2; sleep 1000' 2> /dev/full")
    expect(status).toBe(74)
    expect(await leftovers()).toEqual(none)
  })
})
