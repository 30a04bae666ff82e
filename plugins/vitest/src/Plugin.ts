/**
 * The vitest plugin: finds `*.ktstr.ts` and sets time limits that fit machines.
 *
 * @since 0.1.0
 */

import { type OptionNames, refuseUnknown } from "@ktstr/core/base"
import type { ResolvedKernel } from "@ktstr/core/kernel"
import type { Determinism } from "@ktstr/core/run"
import type { Plugin } from "vitest/config"
import type { Explored } from "./Explored.ts"

export type { Explored } from "./Explored.ts"
export type { ProgressMessage } from "./Progress.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface KtstrPluginOptions {
  /** Which files hold tests. Default every `*.ktstr.ts`. */
  readonly include?: ReadonlyArray<string> | undefined
  /**
   * A kernel as `--kernel` takes it, or several: then every test runs on each, as `NAME/KERNEL-LABEL`. Default: the environment, then the
   * cache.
   */
  readonly kernel?: string | ReadonlyArray<string> | undefined
  /** Default: KTSTR_VMM, else `auto`. */
  readonly vmm?: string | undefined
  /** Use machines whose time is a count of instructions. Default: the machine's own time. */
  readonly determinism?: Determinism | undefined
  /** Run `demo_*` tests too. Default false. */
  readonly demos?: boolean | undefined
}

/**
 * Values that the plugin provides to vitest's workers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Provided {
  readonly kernel: string | undefined
  /** Resolved in advance, once for all files; empty: resolved at the first test. */
  readonly resolved: ReadonlyArray<ResolvedKernel>
  readonly vmm: string | undefined
  readonly determinism?: Determinism | undefined
  readonly explored?: Explored | undefined
  readonly demos: boolean
  /** Arguments of `ktstr test` beside files and filter, for the command that repeats a test. */
  readonly rerun?: { readonly words: ReadonlyArray<string>; readonly rest: ReadonlyArray<string> } | undefined
  /** As `--scheduler-hash`. */
  readonly schedulerSha256?: string | undefined
  /** A socket that receives the progress of tests. */
  readonly progress?: string | undefined
  /** Show failures in full. */
  readonly verbose?: boolean | undefined
}

declare module "vitest" {
  interface ProvidedContext {
    ktstr: Provided
  }
}

/** Machines of different files would compete for CPUs and disturb each other's timing. */
const hookTimeoutMs = 120_000

/**
 * Run by each worker first: kills it when vitest is gone, unless something else listens, as ktstr does while it has machines to stop. Node goes on without
 * the parent as long as a timer or a child process is left, and vitest lets no test call `process.exit`.
 */
const endWithParent = `process.on("disconnect", () => {
  if (process.listenerCount("disconnect") === 1) process.kill(process.pid, "SIGKILL")
})`

/** A range may also be several kernels: their names must be known before the tests are registered. */
const resolvedBeforehand = async ({ kernel }: KtstrPluginOptions): Promise<ReadonlyArray<ResolvedKernel>> => {
  const names = typeof kernel === "string" ? [kernel] : (kernel ?? [])
  if (names.length < 2 && !names.some((name) => name.includes(".."))) return []
  const { resolveKernels } = await import("@ktstr/harness")
  return resolveKernels(names, process.cwd())
}

type AllOptions = KtstrPluginOptions & { readonly resolved?: ReadonlyArray<ResolvedKernel> } & Pick<
    Provided,
    "rerun" | "schedulerSha256" | "progress" | "verbose"
  >

const optionNames: OptionNames<AllOptions> = {
  include: true,
  kernel: true,
  vmm: true,
  determinism: true,
  demos: true,
  resolved: true,
  rerun: true,
  schedulerSha256: true,
  progress: true,
  verbose: true
}

/**
 * Adds the settings for `*.ktstr.ts` files to a vitest configuration. Files run one after the other, each in its own process.
 * Throws OptionError if an option is unknown.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ktstr = (options: AllOptions = {}): Plugin => {
  refuseUnknown("ktstr() of @ktstr/vitest/plugin", options, optionNames)
  return {
    name: "ktstr",
    config: async () => ({
      test: {
        include: [...(options.include ?? ["**/*.ktstr.ts"])],
        pool: "forks",
        poolOptions: { forks: { execArgv: ["--import", `data:text/javascript,${encodeURIComponent(endWithParent)}`] } },
        fileParallelism: false,
        hookTimeout: hookTimeoutMs,
        // Every ktstr test sets its own limit from its duration; this one is for other tests in these files.
        testTimeout: hookTimeoutMs,
        provide: {
          ktstr: {
            kernel: typeof options.kernel === "string" ? options.kernel : options.kernel?.[0],
            resolved: options.resolved ?? (await resolvedBeforehand(options)),
            vmm: options.vmm,
            determinism: options.determinism,
            demos: options.demos ?? false,
            rerun: options.rerun,
            schedulerSha256: options.schedulerSha256,
            progress: options.progress,
            verbose: options.verbose
          } satisfies Provided
        }
      }
    })
  }
}
