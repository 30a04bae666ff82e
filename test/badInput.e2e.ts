import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ktstr, leftovers, none } from "./ktstr.ts"

/** Invalid arguments, with the words that must be in the one line on stderr. */
const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: RegExp]> = [
  [["run", "steady", "--topology", "0n1l1c1t"], /0n1l1c1t.*(NUMA|numaNodes).*at least 1/i],
  [["run", "steady", "--topology", "2n3l1c1t"], /2n3l1c1t.*3 LLCs.*2 NUMA nodes/],
  [["run", "steady", "--topology", "1n2l"], /1n2l.*NnNlNcNt/],
  [["run", "stedy"], /stedy.*did you mean.*steady/i],
  [["run", "steady", "--work-type", "SpinWiat"], /SpinWiat.*did you mean.*SpinWait/i],
  [["run", "steady", "--preset", "tiny-1lcl"], /tiny-1lcl.*did you mean.*tiny-1llc/i],
  [["run", "steady", "--work-type", "PipeIo", "--workers", "3"], /PipeIo requires num_workers divisible by 2, got 3/],
  [["run", "steady", "--duration", "0"], /duration.*0/],
  [["run", "steady", "--duration", "-3"], /duration.*-3/],
  [["run", "steady", "--duration", "abc"], /duration.*abc/],
  [["run", "steady", "--workers", "0"], /workers.*0/],
  [["run", "steady", "--format", "jsn"], /jsn.*did you mean.*json/i],
  [["run", "steady", "--vmm", "xen"], /xen/],
  [["run", "steady", "--kernel", "/nowhere/bzImage"], /\/nowhere\/bzImage/],
  [["rnu"], /rnu.*did you mean.*run/i],
  [["run", "steady", "--topolgy", "1n1l1c1t"], /topolgy.*did you mean.*topology/i],
  [["list", "scenaros"], /scenaros.*did you mean.*scenarios/i],
  [["kernel", "fech"], /fech.*did you mean.*fetch/i]
]

describe("bad input ends with 64 and one clear line", () => {
  it.each(cases)("%j", async (args, says) => {
    const { code, stdout, stderr } = await ktstr(args, { deadlineMs: 20_000 })
    expect(stderr.trim()).toMatch(says)
    expect(stderr.trim().split("\n")).toHaveLength(1)
    expect(stdout).toBe("")
    expect(code).toBe(64)
  })
})

describe("what needs no machine is refused before a kernel is looked for", () => {
  let folder: string
  /** Stands for kernel.org, and counts who asks it. */
  let asked = 0
  const server = createServer((_, response) => {
    asked++
    response.writeHead(404).end()
  })

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "ktstr-usage-"))
    writeFileSync(join(folder, "file"), "")
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await new Promise((closed) => server.close(closed))
  })

  const range = (command: string) =>
    new RegExp(
      `^ktstr: --kernel '6\\.12\\.\\.6\\.16' is a range, and ktstr ${command} boots one kernel: give one version`
    )
  const twice = (command: string) =>
    new RegExp(`^ktstr: --kernel was given twice, and ktstr ${command} takes one: give --kernel KERNEL once$`)
  const missing = ["--kernel", "6.14.2"]

  const refused: ReadonlyArray<readonly [args: ReadonlyArray<string>, says: RegExp]> = [
    ...["explore", "exec", "shell", "replay"].flatMap((command) => {
      const rest = command === "exec" ? ["true"] : command === "replay" ? ["replay.json"] : []
      return [
        [[command, "--kernel", "6.12..6.16", ...rest], range(command)] as const,
        [[command, "--kernel", "6.12", "--kernel", "6.14", ...rest], twice(command)] as const
      ]
    }),
    [["kernel", "build", "6.12..6.16"], /'6\.12\.\.6\.16' is a range where one kernel is wanted: give one version/],
    [["explore", ...missing, "--output", "file"], /--output file can't be written: ENOTDIR.*give a folder/],
    [["explore", ...missing, "--output", "file/below"], /--output file\/below can't be written: ENOTDIR/],
    [["explore", ...missing, "--output", "/proc/ktstr/replays"], /--output \/proc\/ktstr\/replays can't be written/],
    [["replay", ...missing, "--trace", "file", "replay.json"], /--trace file can't be written: ENOTDIR/],
    [["explore", ...missing, "--topology", "0n1l1c1t"], /0n1l1c1t/],
    [["explore", ...missing, "--jobs", "0"], /--jobs.*'0'/],
    [["explore", ...missing, "--sched-args", "x"], /--sched-args needs --scheduler/],
    [
      ["explore", ...missing, "a.ktstr.ts > b", "--duration", "1"],
      /--duration is for scenarios; 'a\.ktstr\.ts > b' is none/
    ],
    [["explore", ...missing, "stedy", "--duration", "1"], /--duration is for scenarios.*did you mean 'steady'/],
    [["explore", ...missing, "cgroup/rebalance", "--memory", "much"], /--memory.*'much'/],
    [["run", ...missing, "--topology", "0n1l1c1t"], /0n1l1c1t/],
    [["run", ...missing, "--sched-args", "x"], /--sched-args needs --scheduler/],
    [["exec", ...missing, "--boot-timeout", "0", "true"], /--boot-timeout.*'0'/]
  ]

  it.each(refused)("%j", async (args, says) => {
    const address = server.address() as AddressInfo
    const env = { KTSTR_CACHE_DIR: join(folder, "cache"), KTSTR_KERNEL_ORG: `http://127.0.0.1:${address.port}` }
    const { code, stderr, stdout } = await ktstr(args, { cwd: folder, env, deadlineMs: 20_000 })
    expect(stderr.trim()).toMatch(says)
    expect(stderr.trim().split("\n")).toHaveLength(1)
    expect({ code, stdout, asked }).toEqual({ code: 64, stdout: "", asked: 0 })
    expect(existsSync(join(folder, ".ktstr"))).toBe(false)
    expect(await leftovers()).toEqual(none)
  })
})

it("a version without a network names what the cache has, then why nobody answered", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ktstr-offline-"))
  const closed = "http://127.0.0.1:9"
  const env = { KTSTR_CACHE_DIR: folder, KTSTR_KERNEL_ORG: closed, HTTP_PROXY: undefined, http_proxy: undefined }
  const { code, stderr, stdout } = await ktstr(["run", "--kernel", "9.9"], { env, deadlineMs: 30_000 })
  rmSync(folder, { recursive: true })
  expect(stderr.trim()).toMatch(
    /^ktstr: no kernel '9\.9' given by --kernel on this machine \(the cache is empty\), and kernel\.org was asked in vain: fetch http:\/\/127\.0\.0\.1:9\/releases\.json: .*ECONNREFUSED[^\n]*$/
  )
  expect({ code, stdout }).toEqual({ code: 69, stdout: "" })
})
