/**
 * The vitest plugin: finds `*.ktstr.ts` and gives machines the time they take.
 *
 * @since 0.1.0
 */

import type { ResolvedKernel } from "@ktstr/core/kernel"
import type { Determinism } from "@ktstr/core/run"
import type { HarnessOptions } from "@ktstr/harness"
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
  readonly vmm?: HarnessOptions["backend"]
  /** Machines whose time is a count of instructions. Default: the machine's own time. */
  readonly determinism?: Determinism | undefined
  /** Run `demo_*` tests too. Default false. */
  readonly demos?: boolean | undefined
}

/**
 * What the plugin hands to the workers of vitest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Provided {
  readonly kernel: string | undefined
  /** Resolved beforehand, once for all files; empty: at the first test. */
  readonly resolved: ReadonlyArray<ResolvedKernel>
  readonly vmm: HarnessOptions["backend"]
  readonly determinism?: Determinism | undefined
  readonly explored?: Explored | undefined
  readonly demos: boolean
  /** What `ktstr test` was given beside files and filter, to be given again. */
  readonly rerun?: { readonly words: ReadonlyArray<string>; readonly rest: ReadonlyArray<string> } | undefined
  /** As `--scheduler-hash`. */
  readonly schedulerSha256?: string | undefined
  /** A socket that is told where tests are. */
  readonly progress?: string | undefined
  /** Failures are shown whole. */
  readonly verbose?: boolean | undefined
}

declare module "vitest" {
  interface ProvidedContext {
    ktstr: Provided
  }
}

/** Machines of different files would share the CPUs, and each other's timing. */
const hookTimeoutMs = 120_000

/** A range may be several kernels, too: which, and how they are called, must be known before the tests are. */
const resolvedBeforehand = async ({ kernel }: KtstrPluginOptions): Promise<ReadonlyArray<ResolvedKernel>> => {
  const names = typeof kernel === "string" ? [kernel] : (kernel ?? [])
  if (names.length < 2 && !names.some((name) => name.includes(".."))) return []
  const { resolveKernels } = await import("@ktstr/harness")
  return resolveKernels(names, process.cwd())
}

/**
 * Adds to a vitest configuration what `*.ktstr.ts` files need. Files run one after the other, each in a process of its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ktstr = (
  options: KtstrPluginOptions & { readonly resolved?: ReadonlyArray<ResolvedKernel> } & Pick<
      Provided,
      "rerun" | "schedulerSha256" | "progress" | "verbose"
    > = {}
): Plugin => ({
  name: "ktstr",
  config: async () => ({
    test: {
      include: [...(options.include ?? ["**/*.ktstr.ts"])],
      pool: "forks",
      fileParallelism: false,
      hookTimeout: hookTimeoutMs,
      // Every test sets its own limit, by its duration; this one is for tests of other kinds in these files.
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
})
