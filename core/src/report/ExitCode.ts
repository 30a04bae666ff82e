/**
 * Exit codes of ktstr's processes.
 *
 * @since 0.1.0
 */
import type { DuplicateName, OptionError, RegistrationError } from "../base/index.ts"
import type { CacheError } from "../cache/index.ts"
import type { BusyboxMissing, InitramfsError } from "../image/index.ts"
import type { KernelError } from "../kernel/index.ts"
import type { AgentMissing, HostError, UnknownBackend, VmmError } from "../machine/index.ts"
import type { OutputFormatError, PayloadError } from "../payload/index.ts"
import type { PlanError } from "../plan/index.ts"
import type { ReplayError, RunResult, TraceError } from "../run/index.ts"
import type { HoldSpecError, ScenarioError, UnknownScenario } from "../scenario/index.ts"
import type { SchedulerError, UnknownScheduler } from "../scheduler/index.ts"
import type { CommandRefused, GuestLost } from "../session/index.ts"
import type { KtstrTestError } from "../test/index.ts"
import type { CpuListError, CpusetSpecError, TopologyError, UnknownPreset } from "../topology/index.ts"
import type { WorkProgramError, WorkTypeError } from "../work/index.ts"
import type { UnknownReporter } from "./UnknownReporter.ts"

/**
 * All exit codes. `missing` is EX_UNAVAILABLE, `usage` EX_USAGE and `internal` EX_SOFTWARE of sysexits.h; a run that a signal ended exits with 128 +
 * its number, as in a shell.
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
  /** The reader of ktstr's output closed the pipe. */
  brokenPipe: 141,
  terminated: 143
} as const

/**
 * One of the codes of {@link ExitCode}.
 *
 * @since 0.1.0
 * @category models
 */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

/**
 * Core's errors that a command can end with. The types of the command line reject any other error of core.
 *
 * @since 0.2.0
 * @category models
 */
export type KtstrError =
  | AgentMissing
  | BusyboxMissing
  | CacheError
  | CommandRefused
  | CpuListError
  | CpusetSpecError
  | DuplicateName
  | GuestLost
  | HoldSpecError
  | HostError
  | InitramfsError
  | KernelError
  | KtstrTestError
  | OptionError
  | OutputFormatError
  | PayloadError
  | PlanError
  | RegistrationError
  | ReplayError
  | ScenarioError
  | SchedulerError
  | TopologyError
  | TraceError
  | UnknownBackend
  | UnknownPreset
  | UnknownReporter
  | UnknownScenario
  | UnknownScheduler
  | VmmError
  | WorkProgramError
  | WorkTypeError

/**
 * An error of a plugin or of the command line, which carries its own exit code because core does not know its class.
 *
 * @since 0.2.0
 * @category models
 */
export interface ErrorWithExitCode {
  readonly _tag: string
  readonly message: string
  readonly exitCode: Exclude<ExitCode, typeof ExitCode.pass>
}

/**
 * An exit code for each class of errors, or for each reason if the class has reasons.
 *
 * @since 0.2.0
 * @category models
 */
export type ExitCodes<E extends { readonly _tag: string }> = {
  readonly [Tag in E["_tag"]]: Extract<E, { readonly _tag: Tag }> extends {
    readonly reason: infer Reason extends string
  }
    ? Readonly<Record<Reason, ExitCode>>
    : ExitCode
}

const { fail, internal, missing, usage } = ExitCode

const codes = {
  AgentMissing: missing,
  BusyboxMissing: missing,
  CacheError: missing,
  // ktstr's own agent rejected a command of ktstr.
  CommandRefused: internal,
  CpuListError: usage,
  CpusetSpecError: usage,
  DuplicateName: usage,
  // The kernel under test, or what ran on it, brought the guest down.
  GuestLost: {
    Done: fail,
    Ended: fail,
    Protocol: fail,
    Channel: fail,
    BootTimeout: fail,
    BootStalled: fail,
    PlanTimeout: fail
  },
  HoldSpecError: usage,
  HostError: {
    NoCgroup2: missing,
    NoController: missing,
    NoRights: missing,
    MissingFile: missing,
    AgentFailed: missing
  },
  InitramfsError: missing,
  KernelError: {
    NotFound: missing,
    Named: usage,
    Fetch: missing,
    Cache: missing,
    Build: missing,
    Unsupported: missing
  },
  KtstrTestError: usage,
  OptionError: usage,
  OutputFormatError: { UnknownFormat: usage, BadOption: usage, NoModel: missing },
  PayloadError: { Program: missing, Refused: fail, Lost: fail },
  PlanError: {
    Cpuset: usage,
    WorkType: usage,
    WorkerCount: usage,
    Hold: usage,
    Name: usage,
    Policy: usage,
    Affinity: usage,
    Value: usage,
    Payload: usage,
    TooLong: usage,
    Program: usage,
    Check: usage
  },
  RegistrationError: usage,
  ReplayError: usage,
  ScenarioError: usage,
  SchedulerError: { Declared: usage, NotFound: missing, Unusable: missing, Build: missing, Kernel: missing },
  TopologyError: usage,
  TraceError: usage,
  UnknownBackend: usage,
  UnknownPreset: usage,
  UnknownReporter: usage,
  UnknownScenario: usage,
  UnknownScheduler: usage,
  VmmError: {
    BackendMissing: missing,
    KvmUnusable: missing,
    BadKernel: usage,
    BadSpec: usage,
    OutOfMemory: missing,
    // The kernel under test did not boot: a failure of the test subject, not of ktstr.
    BootFailed: fail,
    ChannelLost: fail,
    Io: missing
  },
  WorkProgramError: usage,
  WorkTypeError: { UnknownWorkType: usage, BadParameter: usage, BadSyntax: usage, WorkerCount: usage }
} satisfies ExitCodes<KtstrError>

const known: ReadonlyMap<string, ExitCode | Readonly<Record<string, ExitCode>>> = new Map(Object.entries(codes))

const failures: ReadonlySet<unknown> = new Set(Object.values(ExitCode).filter((code) => code !== ExitCode.pass))

const isFailure = (value: unknown): value is ExitCode => failures.has(value)

const field = (error: unknown, name: string): unknown =>
  typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined

/**
 * Returns the exit code of an error: from core's table, else the one the error carries. Unknown errors are internal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const exitCodeOfError = (error: unknown): ExitCode => {
  const tag = field(error, "_tag")
  if (typeof tag !== "string") return ExitCode.internal
  const own = field(error, "exitCode")
  const code = known.get(tag) ?? (isFailure(own) ? own : ExitCode.internal)
  if (typeof code === "number") return code
  const reason = String(field(error, "reason"))
  return (Object.hasOwn(code, reason) ? code[reason] : undefined) ?? ExitCode.internal
}

/**
 * Returns the exit code of a session's results: one failure outweighs any number of inconclusive runs, and those outweigh passes. Skips count as
 * passes.
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
