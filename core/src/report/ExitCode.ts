/**
 * What a process of ktstr ends with.
 *
 * @since 0.1.0
 */
import type { RunResult } from "../run/index.ts"

/**
 * `missing` is EX_UNAVAILABLE, `usage` EX_USAGE and `internal` EX_SOFTWARE of sysexits.h; a run that a signal ended gives
 * 128 + its number, as a shell would.
 *
 * @since 0.1.0
 * @category constants
 */
export const ExitCode = {
  pass: 0,
  fail: 1,
  inconclusive: 2,
  usage: 64,
  missing: 69,
  internal: 70,
  /** EX_IOERR: standard output or standard error could not be written. */
  unwritable: 74,
  hangup: 129,
  interrupted: 130,
  /** The reader of our output went away. */
  brokenPipe: 141,
  terminated: 143
} as const

/**
 * @since 0.1.0
 * @category models
 */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/** Tags of errors that the user's input caused, whatever their reason. */
const usageTags: ReadonlySet<string> = new Set([
  "UsageError",
  "TopologyError",
  "CpuListError",
  "CpusetSpecError",
  "PlanError",
  "WorkTypeError",
  "WorkProgramError",
  "UnknownPreset",
  "UnknownScenario",
  "ScenarioError",
  "VitestFailed",
  "HoldSpecError",
  "KtstrTestError",
  "DuplicateName",
  "DuplicateReporter",
  "ConfigFileError",
  "ReplayError",
  "TraceError"
])

/** Tags of errors that say that something needed is not there, whatever their reason. */
const missingTags: ReadonlySet<string> = new Set([
  "AgentMissing",
  "BusyboxMissing",
  "CacheError",
  "VitestMissing",
  "HostError",
  "InitramfsError",
  "ImageError"
])

/** What the reasons of errors with a closed set of them come to. */
const reasons: Readonly<Record<string, Readonly<Record<string, ExitCode>>>> = {
  KernelError: {
    NotFound: ExitCode.missing,
    Named: ExitCode.usage,
    Fetch: ExitCode.missing,
    Cache: ExitCode.missing,
    Build: ExitCode.missing,
    Unsupported: ExitCode.missing
  },
  SchedulerError: {
    Declared: ExitCode.usage,
    NotFound: ExitCode.missing,
    Unusable: ExitCode.missing,
    Build: ExitCode.missing,
    Kernel: ExitCode.missing
  },
  OutputFormatError: { UnknownFormat: ExitCode.usage, BadOption: ExitCode.usage, NoModel: ExitCode.missing },
  PayloadError: { Program: ExitCode.missing, Refused: ExitCode.fail, Lost: ExitCode.fail },
  // The kernel under test, or what ran on it, brought the guest down.
  GuestLost: {
    Done: ExitCode.fail,
    Ended: ExitCode.fail,
    Protocol: ExitCode.fail,
    Channel: ExitCode.fail,
    BootTimeout: ExitCode.fail,
    PlanTimeout: ExitCode.fail
  },
  VmmError: {
    BackendMissing: ExitCode.missing,
    KvmUnusable: ExitCode.missing,
    BadKernel: ExitCode.usage,
    BadSpec: ExitCode.usage,
    OutOfMemory: ExitCode.missing,
    // The kernel under test did not come up: what was tested failed, not ktstr.
    BootFailed: ExitCode.fail,
    ChannelLost: ExitCode.fail,
    Io: ExitCode.missing
  }
}

const field = (error: unknown, name: string): string =>
  typeof error === "object" && error !== null && name in error
    ? String((error as Readonly<Record<string, unknown>>)[name])
    : ""

/**
 * The code of an error. Total: what is not known is internal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const exitCodeOfError = (error: unknown): ExitCode => {
  const tag = field(error, "_tag")
  if (usageTags.has(tag)) return ExitCode.usage
  if (missingTags.has(tag)) return ExitCode.missing
  return reasons[tag]?.[field(error, "reason")] ?? ExitCode.internal
}

/**
 * The code of the results of a session: one failed check is worth more than any number of inconclusive runs, and these more
 * than passes; skips count as passes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const exitCodeOfResults = (results: Iterable<Pick<RunResult, "outcome">>): ExitCode => {
  let code: ExitCode = ExitCode.pass
  for (const { outcome } of results) {
    if (outcome === "fail") return ExitCode.fail
    if (outcome === "inconclusive") code = ExitCode.inconclusive
  }
  return code
}
