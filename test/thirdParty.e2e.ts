// Packages of third parties, installed from their folders by npm into a project of their own, and named in its configuration.
import { execFileSync } from "node:child_process"
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest"
import { commitTree, writeTree } from "../plugins/kernel-sources/test/kernelTree.ts"
import { ktstr, leftovers, none, root } from "./ktstr.ts"

const project = mkdtempSync(join(tmpdir(), "test-ktstr-third-party-"))
/** What the kernel source offers. */
const kernels = join(project, "kernels")
/** What the remote cache keeps. */
const shared = join(project, "shared")
/** A tree of which a kernel is built within seconds. */
const tree = join(project, "linux")
/** Another project, whose plugins all throw. */
const broken = join(project, "broken")
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
    join(root, "test/fixtures/third-party-kernel-source"),
    join(root, "test/fixtures/third-party-backend"),
    join(root, "test/fixtures/third-party-remote-cache")
  )
  mkdirSync(join(project, "node_modules/@ktstr"))
  for (const name of ["@ktstr/core", "@ktstr/vitest", "@ktstr/vmm-qemu", "effect", "vitest", "vite", "esbuild"]) {
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name))
  }
  writeFileSync(
    join(project, "ktstr.config.ts"),
    `import { frames } from "ktstr-work-type-frames"
import { sieve } from "ktstr-work-type-sieve"
import { wc } from "ktstr-output-format-wc"
import { csv } from "ktstr-reporter-csv"
import { counted } from "ktstr-backend-counted"
import { folder } from "ktstr-kernel-source-folder"
import { sharedFolder } from "ktstr-remote-cache-folder"

const others = [counted, folder(${JSON.stringify(kernels)}), sharedFolder(${JSON.stringify(shared)})]
export default { plugins: [frames, sieve, wc, csv, ...others] }
`
  )
  writeTree(tree)
  commitTree(tree)
  mkdirSync(broken)
  writeFileSync(
    join(broken, "ktstr.config.mjs"),
    `import { KernelSource, RemoteCache } from "@ktstr/core/kernel"
import { Backend } from "@ktstr/core/machine"
import { Effect } from "effect"
const fail = () => {
  throw new Error("out of order")
}
const source = KernelSource.plugin({ name: "dry", accepts: (spec) => spec.startsWith("dry:"), fetch: fail })
const cache = RemoteCache.plugin({ name: "shelf", get: fail, put: fail })
const closed = Backend.plugin({ name: "closed", description: "", make: fail })
const empty = Backend.plugin({ name: "empty", description: "", make: () => Effect.succeed({ boot: fail }) })
export default { plugins: [source, cache, closed, empty] }
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
      "ktstr-backend-counted",
      "ktstr-kernel-source-folder",
      "ktstr-output-format-wc",
      "ktstr-remote-cache-folder",
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

  it("are listed beside output formats and reporters of third parties", async () => {
    const { stdout } = await ktstr(["list", "output-formats", "--json"], { cwd: project })
    expect(JSON.parse(stdout).at(-1)).toEqual({ name: "wc", description: "lines, words and bytes that wc counted" })
    const reporters = await ktstr(["list", "reporters", "--json"], { cwd: project })
    const names = JSON.parse(reporters.stdout).map(({ name }: { readonly name: string }) => name)
    expect(names).toEqual(["pretty", "json", "ndjson", "csv"])
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

  it("boot machines of a backend that --vmm names, whose clock can be deterministic as it says", async () => {
    const { code, result, stderr } = await run("--vmm", "counted")
    expect(result).toMatchObject({ outcome: "pass", backend: "counted qemu", clock: "deterministic" })
    expect(stderr).toContain("counted: 1 booted\n")
    expect(code).toBe(0)
  })

  it("list a backend beside those that are built in, and suggest it", async () => {
    const { stdout } = await ktstr(["list", "backends", "--json"], { cwd: project })
    const listed: ReadonlyArray<{ name: string; countsInstructions: boolean }> = JSON.parse(stdout)
    expect(listed.map(({ countsInstructions, name }) => [name, countsInstructions])).toEqual([
      ["auto", true],
      ["native", false],
      ["qemu", true],
      ["qemu-kvm", false],
      ["qemu-tcg", true],
      ["counted", true]
    ])
    const vmm = ["--vmm", "conted"]
    for (const command of [
      ["run", "steady", ...vmm],
      ["exec", ...vmm, "--", "true"],
      ["test", ...vmm]
    ]) {
      const { code, stderr } = await ktstr(command, { cwd: project })
      expect(stderr).toBe("ktstr: unknown backend 'conted'; did you mean 'counted'?\n")
      expect(code).toBe(64)
    }
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

  /** Builds the tree's kernel on a machine without any. */
  const build = async (machine: string, cwd: string) => {
    const env = { KTSTR_CACHE_DIR: join(project, machine) }
    const { code, stderr, stdout } = await ktstr(["kernel", "build", tree, "--json"], { cwd, env })
    expect(code).toBe(0)
    return { stderr, key: JSON.parse(stdout).key }
  }

  it("share kernels: one machine builds them, and another one does not", async () => {
    const first = await build("first", project)
    expect(first.stderr).toContain("compiling")
    expect(readdirSync(shared)).toHaveLength(1)
    const second = await build("second", project)
    expect(second.stderr).toBe(`downloading the folder ${shared}\n`)
    expect(second.key).toBe(first.key)
    const { stdout } = await ktstr(["list", "remote-caches", "--json"], { cwd: project })
    expect(JSON.parse(stdout)).toEqual([{ name: `the folder ${shared}` }])
  })

  it("cost a warning, or end it in one line, when they throw: by their name", async () => {
    const { stderr } = await build("third", broken)
    expect(stderr.match(/^warning: .*$/gm)).toEqual([
      expect.stringMatching(/^warning: remote kernel cache: the remote cache 'shelf' failed in `get`: .*out of order/)
    ])
    const run = await ktstr(["run", "steady", "--kernel", "dry:one"], { cwd: broken })
    expect(run.stderr).toMatch(/^ktstr: the kernel source 'dry' failed in `fetch`: .*out of order.*\n$/)
    expect(run.code).toBe(69)
    for (const [vmm, member] of [
      ["closed", "make"],
      ["empty", "boot"]
    ] as const) {
      const { code, stderr } = await ktstr(["run", "steady", "--vmm", vmm], { cwd: broken })
      expect(stderr).toMatch(new RegExp(`^ktstr: the backend '${vmm}' failed in \`${member}\`: .*out of order.*\\n$`))
      expect(code).toBe(69)
    }
    const counting = await ktstr(["run", "steady", "--vmm", "closed", ...virtual], { cwd: broken })
    expect(counting.stderr).toMatch(
      /^ktstr: --clock deterministic counts emulated instructions, which closed does not: /
    )
    expect(counting.code).toBe(64)
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
