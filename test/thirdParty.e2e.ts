// Packages of third parties, installed from their folders by npm into a project of their own, and named in its configuration.
import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { ktstr, leftovers, none, root } from "./ktstr.ts"

const project = mkdtempSync(join(tmpdir(), "test-ktstr-third-party-"))
/** What the kernel source offers. */
const kernels = join(project, "kernels")
afterAll(() => rmSync(project, { recursive: true, force: true }))

const npm = (cwd: string, ...args: ReadonlyArray<string>): void => {
  execFileSync("npm", [...args], { cwd, stdio: ["ignore", "ignore", "pipe"] })
}

beforeAll(() => {
  const executable = join(project, "sieve-source")
  cpSync(join(root, "test/fixtures/third-party-executable"), executable, { recursive: true })
  npm(executable, "run", "build")
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "a-scheduler", private: true, type: "module" }))
  // Copied, as from a registry. Their peer is this repository's own, and comes below.
  npm(
    project,
    ...["install", "--install-links", "--offline", "--legacy-peer-deps", "--no-audit", "--no-fund"],
    ...[join(root, "test/fixtures/third-party-work-type"), executable],
    join(root, "test/fixtures/third-party-output-format"),
    join(root, "test/fixtures/third-party-reporter"),
    join(root, "test/fixtures/third-party-kernel-source")
  )
  mkdirSync(join(project, "node_modules/@ktstr"))
  for (const name of ["@ktstr/core", "@ktstr/vitest", "effect", "vitest", "vite", "esbuild"]) {
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name))
  }
  writeFileSync(
    join(project, "ktstr.config.ts"),
    `import { frames } from "ktstr-work-type-frames"
import { sieve } from "ktstr-work-type-sieve"
import { wc } from "ktstr-output-format-wc"
import { csv } from "ktstr-reporter-csv"
import { folder } from "ktstr-kernel-source-folder"

export default { plugins: [frames, sieve, wc, csv, folder(${JSON.stringify(kernels)})] }
`
  )
  mkdirSync(kernels)
  copyFileSync(inject("kernel").image, join(kernels, "nightly"))
  writeFileSync(
    join(project, "frames.ktstr.ts"),
    `import { CgroupDef, HoldSpec, OutputRef, Payload, PayloadCheck, Step, WorkTypeRef } from "@ktstr/core"
import { ktstrTest } from "@ktstr/vitest"

const payload = Payload.make("count", {
  binary: "wc",
  defaultArgs: ["/proc/cmdline"],
  output: OutputRef.of("wc", { prefix: "cmdline." }),
  defaultChecks: [PayloadCheck.range("cmdline.lines", 1, 1), PayloadCheck.min("cmdline.words", 3)]
})

ktstrTest("frames beside a sieve", { durationS: 1, minIterationRate: 1, payload }, () => [
  Step.withDefs(
    [
      CgroupDef.named("frames").workType(WorkTypeRef.of("Frames", { pause: "5 millis" })).workers(2),
      CgroupDef.named("sieve").workType("Sieve").workers(1)
    ],
    HoldSpec.FULL
  )
])
`
  )
})

/** In virtual time, where nothing else that the host does can fail a verdict. */
const virtual = ["--clock", "deterministic"]

const run = async (...args: ReadonlyArray<string>) => {
  const shape = ["--topology", "1n1l2c1t", "--duration", "1", "--format", "json", ...virtual]
  const { code, stdout, stderr } = await ktstr(["run", "steady", ...shape, ...args], { cwd: project })
  expect(await leftovers()).toEqual(none)
  return { code, stderr, result: stdout === "" ? undefined : JSON.parse(stdout) }
}

describe("work types, output formats and reporters of third parties", () => {
  it("are copies in the project, not links into this repository", () => {
    const installed = JSON.parse(readFileSync(join(project, "package.json"), "utf8")).dependencies
    expect(Object.keys(installed)).toEqual([
      "ktstr-kernel-source-folder",
      "ktstr-output-format-wc",
      "ktstr-reporter-csv",
      "ktstr-work-type-frames",
      "ktstr-work-type-sieve"
    ])
    expect(existsSync(join(project, "node_modules/ktstr-work-type-sieve/sieve"))).toBe(true)
  })

  it("are listed with their parameters", async () => {
    const { stdout } = await ktstr(["list", "work-types", "--json"], { cwd: project })
    const listed = JSON.parse(stdout)
    const frames = listed.find((type: { name: string }) => type.name === "Frames")
    expect(frames).toMatchObject({
      groupSize: 2,
      params: [
        { name: "pause", type: "duration", default: "16ms", min: "1ms", max: "1s" },
        { name: "work", type: "integer", default: "20000" }
      ]
    })
    expect(listed.map((type: { name: string }) => type.name)).toContain("Sieve")
    const elsewhere = await ktstr(["list", "work-types", "--json"], { cwd: root })
    expect(elsewhere.stdout).not.toContain("Frames")
  })

  it("are listed beside output formats of third parties", async () => {
    const { stdout } = await ktstr(["list", "output-formats", "--json"], { cwd: project })
    expect(JSON.parse(stdout).at(-1)).toEqual({ name: "wc", description: "lines, words and bytes that wc counted" })
  })

  it("report a run under the name of their format", async () => {
    const shape = ["--topology", "1n1l2c1t", "--duration", "1", ...virtual]
    const { code, stdout, stderr } = await ktstr(
      ["run", "steady", "--format", "csv", "--work-type", "Frames:pause=2ms", ...shape],
      { cwd: project }
    )
    expect(stdout).toBe("scenario,topology,outcome\nsteady,1n1l2c1t,pass\n")
    expect(stderr).toContain("csv: Complete, 1 run, events: true\n")
    expect(code).toBe(0)
    expect(await leftovers()).toEqual(none)
  })

  it("suggest the format of a reporter that is misspelt", async () => {
    const { code, stderr } = await ktstr(["run", "steady", "--format", "cvs"], { cwd: project })
    expect(stderr).toContain("unknown format 'cvs'; did you mean 'csv'?")
    expect(code).toBe(64)
  })

  it("offer kernels, which boot under the names that their source gives them", async () => {
    const { code, result, stderr } = await run("--kernel", "folder:nightly")
    expect(stderr).not.toContain("error")
    expect(result.kernel).toMatchObject({ image: join(kernels, "nightly"), label: expect.stringContaining("nightly") })
    expect(result.outcome).toBe("pass")
    expect(code).toBe(0)
  })

  it("say in one line why they have no such kernel", async () => {
    const missing = await run("--kernel", "folder:weekly")
    expect(missing.stderr).toMatch(/^ktstr: .*\/kernels\/weekly .*\n$/)
    expect(missing.code).toBe(64)
    const fetched = await ktstr(["kernel", "fetch", "folder:nightly"], { cwd: project })
    expect(fetched.stderr).toBe("ktstr: folder:nightly needs no fetching: name it with --kernel\n")
    expect(fetched.code).toBe(64)
  })

  it("are listed beside the kernel sources that are built in", async () => {
    const { stdout } = await ktstr(["list", "kernel-sources", "--json"], { cwd: project })
    const listed: ReadonlyArray<{ name: string; description: string }> = JSON.parse(stdout)
    expect(listed.map(({ name }) => name)).toEqual(["distro", "kernel.org", "git+URL#REF", "path", "folder"])
    expect(listed.at(-1)?.description).toBe(`an image in ${kernels}: folder:NAME`)
  })

  it("run by name, with parameters", async () => {
    const { code, result } = await run("--work-type", "Frames:pause=2ms")
    expect(result.details).toEqual([])
    const workers = result.cgroups.flatMap((cgroup: { workers: Array<unknown> }) => cgroup.workers)
    expect(workers).toHaveLength(4)
    for (const worker of workers) {
      expect(worker.label).toBe("Frames")
      expect(worker.iterations).toBeGreaterThan(3)
      expect(worker.wakeLatenciesSeen).toBeGreaterThan(0)
    }
    expect(code).toBe(0)
  })

  it("have their parameters checked like any other's", async () => {
    const { code, stderr } = await run("--work-type", "Frames:pause=2h")
    expect(stderr).toMatch(/work type Frames: pause must be a duration from 1ms to 1s, got '2h'/)
    expect(code).toBe(64)
  })

  it("bring executables, whose telemetry counts like any other's", async () => {
    const { code, result } = await run("--work-type", "Sieve:limit=2000")
    expect(result.details).toEqual([])
    for (const cgroup of result.cgroups) {
      expect(cgroup.workType).toBe("Sieve")
      for (const worker of cgroup.workers) {
        expect(worker.completed).toBe(true)
        expect(worker.iterations).toBeGreaterThan(3)
        expect(worker.workUnits).toBeGreaterThan(2000)
        expect(worker.wakeLatenciesSeen).toBe(worker.iterations)
        expect(worker.cpusUsed.length).toBeGreaterThan(0)
        expect(worker.cpuTimeNs).toBeGreaterThan(0)
      }
    }
    expect(code).toBe(0)
  })

  it("serve in tests, too", async () => {
    const { code, stdout } = await ktstr(["test", "--format", "json", ...virtual], { cwd: project })
    const result = JSON.parse(stdout)
    expect(result.details).toEqual([])
    expect(result.cgroups.map((cgroup: { workType: string }) => cgroup.workType)).toEqual(["Frames", "Sieve"])
    expect(result.payloads).toMatchObject([
      {
        name: "count",
        outcome: "pass",
        format: "wc",
        metrics: [{ name: "cmdline.lines", value: 1, unit: "lines" }, {}, {}]
      }
    ])
    expect(code).toBe(0)
  })
})
