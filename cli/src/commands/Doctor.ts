/**
 * `ktstr doctor`: checks each prerequisite and shows the command that fixes it.
 *
 * @since 0.1.0
 */
import { constants } from "node:fs"
import { access, statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { ExitCode, KernelResolver } from "@ktstr/core"
import { oneLine } from "@ktstr/core/base"
import { KernelCache } from "@ktstr/core/kernel"
import { AgentBinary, KvmProbe } from "@ktstr/core/machine"
import { layerHarness } from "@ktstr/harness"
import { renderTable, styled } from "@ktstr/reporters"
import { findProgram } from "@ktstr/vmm-qemu"
import { Effect, Either } from "effect"
import type { CommandIo } from "../io/index.ts"
import type { Invocation } from "../parse/index.ts"

/**
 * Describes one prerequisite.
 *
 * @since 0.1.0
 * @category models
 */
export interface Finding {
  readonly name: string
  readonly found: boolean
  /** No run is possible without this. */
  readonly needed: boolean
  /** What was found, in one line. */
  readonly detail: string
  /** The command or change that fixes it; null if there is nothing to fix. */
  readonly fix: string | null
}

/** The version in `engines` of package.json. */
const oldestNode = [20, 19] as const

const checkNode = (): Finding => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const found = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  return {
    name: "Node",
    found,
    needed: true,
    detail: process.versions.node,
    fix: found ? null : `install Node ${oldestNode.join(".")} or later: https://nodejs.org`
  }
}

const checkQemu = (): Finding => {
  const path = findProgram("qemu-system-x86_64", process.env.PATH)
  return {
    name: "qemu",
    found: path !== undefined,
    needed: true,
    detail: path ?? "qemu-system-x86_64 is not in PATH",
    fix: path === undefined ? "sudo apt-get install -y --no-install-recommends qemu-system-x86" : null
  }
}

const checkKvm = Effect.gen(function* () {
  const { usable, verdict, reason, ratio } = yield* Effect.flatMap(KvmProbe, (probe) => probe.verdict)
  const fixes = {
    usable: null,
    absent: "load kvm_intel or kvm_amd, or enable virtualization in the firmware; machines are emulated until then",
    denied: "sudo usermod -aG kvm $USER, then log out and back in; machines are emulated until then",
    "too slow": "no action needed: machines are emulated, which is faster",
    wrong: "no action needed: machines are emulated"
  } as const
  const numbers = ratio === undefined ? "" : ` (guest time ${ratio.toPrecision(3)} times the host's)`
  const finding: Finding = {
    name: "KVM",
    found: usable,
    needed: false,
    detail: `${verdict === "usable" || verdict === "absent" ? "" : "present, not usable: "}${verdict}: ${oneLine(reason)}${numbers}`,
    fix: fixes[verdict]
  }
  return finding
})

const checkAgent = Effect.gen(function* () {
  const path = yield* Effect.either(Effect.flatMap(AgentBinary, (agent) => agent.path))
  const finding: Finding = Either.match(path, {
    onLeft: (error) => ({
      name: "guest agent",
      found: false,
      needed: true,
      detail: error.message,
      fix: "npm run setup"
    }),
    onRight: (detail) => ({ name: "guest agent", found: true, needed: true, detail, fix: null })
  })
  return finding
})

const checkKernel = Effect.gen(function* () {
  const resolver = yield* KernelResolver
  const kernel = yield* Effect.either(resolver.resolve(undefined))
  const finding: Finding = Either.match(kernel, {
    onLeft: (error) => ({
      name: "kernel",
      found: false,
      needed: true,
      detail: oneLine(error.message),
      fix: error.reason === "NotFound" ? "ktstr kernel fetch" : oneLine(error.message)
    }),
    onRight: ({ version, origin, image }) => ({
      name: "kernel",
      found: true,
      needed: true,
      detail: `${version} by ${origin}: ${image}`,
      fix: null
    })
  })
  return finding
})

/** Guest memory is a file in /dev/shm. A guest has 2048 MiB by default, and a run of `steady` touches about a tenth of it. */
const leastShm = 512 * 2 ** 20

const checkShm = Effect.promise(async (): Promise<Finding> => {
  const base = { name: "/dev/shm", needed: true } as const
  try {
    const { bavail, bsize } = await statfs("/dev/shm")
    const free = bavail * bsize
    const found = free >= leastShm
    const detail = `${Math.floor(free / 2 ** 20)} MiB free`
    return { ...base, found, detail, fix: found ? null : "sudo mount -o remount,size=2g /dev/shm" }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { ...base, found: false, detail, fix: "sudo mount -t tmpfs tmpfs /dev/shm" }
  }
})

/** Returns why the directory, or its nearest existing parent, can't be written; undefined if it can. */
const writable = async (path: string): Promise<string | undefined> => {
  try {
    await access(path, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" && dirname(path) !== path) return writable(dirname(path))
    return `${path}: ${code === "EROFS" ? "read-only file system" : "no permission to write"}`
  }
}

const checkCache = Effect.gen(function* () {
  const base = { name: "cache directory", needed: true } as const
  const directories = yield* Effect.either(Effect.flatMap(KernelCache, (cache) => cache.directories))
  if (Either.isLeft(directories)) {
    const finding: Finding = {
      ...base,
      found: false,
      detail: directories.left.message,
      fix: "export KTSTR_CACHE_DIR=/path"
    }
    return finding
  }
  const { kernels } = directories.right
  const refused = yield* Effect.promise(() => writable(kernels))
  const finding: Finding = {
    ...base,
    found: refused === undefined,
    detail: refused ?? kernels,
    fix: refused === undefined ? null : "export KTSTR_CACHE_DIR=/a/directory/you/can/write"
  }
  return finding
})

const render = (findings: ReadonlyArray<Finding>, color: boolean): string => {
  const style = styled(color)
  const rows = renderTable(
    [
      { title: "", cell: (finding) => (finding.found ? "ok" : finding.needed ? "MISSING" : "no") },
      { title: "", cell: (finding) => finding.name },
      { title: "", cell: (finding) => finding.detail }
    ],
    findings
  ).slice(1)
  return findings
    .flatMap((finding, row) => [
      style(rows[row] ?? "", ...(finding.found ? [] : [finding.needed ? ("red" as const) : ("yellow" as const)])),
      ...(finding.fix === null ? [] : [`    → ${finding.fix}`])
    ])
    .concat("")
    .join("\n")
}

/**
 * Checks every prerequisite. Returns the exit code for a missing prerequisite if one is missing.
 *
 * @since 0.1.0
 * @category commands
 */
export const doctor = (invocation: Extract<Invocation, { command: "doctor" }>, { out }: CommandIo) =>
  Effect.gen(function* () {
    const findings: ReadonlyArray<Finding> = [
      checkNode(),
      checkQemu(),
      yield* checkKvm,
      yield* checkAgent,
      yield* checkKernel,
      yield* checkShm,
      yield* checkCache
    ]
    const missing = findings.some(({ found, needed }) => needed && !found)
    yield* out.write(
      invocation.values.json
        ? `${JSON.stringify({ ok: !missing, findings }, undefined, 2)}\n`
        : render(findings, out.color)
    )
    return missing ? ExitCode.missing : ExitCode.pass
  }).pipe(Effect.provide(layerHarness()))
