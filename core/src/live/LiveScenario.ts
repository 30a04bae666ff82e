/**
 * The services of a scenario's program, over an agent that takes commands, in a guest or on this host.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer } from "effect"
import type { PlannedCgroup, PlannedGroup } from "../check/index.ts"
import type { PayloadResult } from "../payload/index.ts"
import { CgroupManager, PayloadRunner, WorkloadEngine } from "../scenario/index.ts"
import { GuestAgent } from "../session/index.ts"
import { makeLiveCgroups } from "./cgroups.ts"
import { type LedgerOptions, LiveLedger } from "./ledger.ts"
import { makeLivePayloads } from "./payloads.ts"
import { makeLiveWorkload } from "./workload.ts"

/**
 * Options of {@link makeLiveScenario}.
 *
 * @since 0.1.0
 * @category models
 */
export type LiveScenarioOptions = LedgerOptions

/**
 * The services of a running program, and the record of what it did.
 *
 * @since 0.1.0
 * @category models
 */
export interface LiveScenario {
  readonly services: Context.Context<CgroupManager | WorkloadEngine | PayloadRunner | GuestAgent>
  /** Returns what ran and where it was allowed to, in the same form as a plan, for the checks. */
  readonly account: () => {
    readonly groups: ReadonlyArray<PlannedGroup>
    readonly cgroups: ReadonlyArray<PlannedCgroup>
  }
  /** The judged results of every payload that was started; use it after the session has ended. */
  readonly payloads: Effect.Effect<ReadonlyArray<PayloadResult>>
  /** Stops and collects what still runs, then removes every cgroup; returns what went wrong, with a message of one line each. */
  readonly finish: Effect.Effect<ReadonlyArray<{ readonly message: string }>>
}

/**
 * Makes the services over a guest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeLiveScenario = (options: LiveScenarioOptions): LiveScenario => {
  const ledger = new LiveLedger(options)
  const cgroups = makeLiveCgroups(ledger)
  const engine = makeLiveWorkload(ledger)
  const payloads = makeLivePayloads(ledger)
  const left = () => ledger.groups.filter(({ phase }) => phase === "alive").map(({ planned }) => planned)
  const problemsOf = (effect: Effect.Effect<unknown, { readonly message: string }>) =>
    Effect.match(effect, { onSuccess: () => [], onFailure: (error) => [error] })
  return {
    services: Context.make(CgroupManager, cgroups).pipe(
      Context.add(WorkloadEngine, engine),
      Context.add(PayloadRunner, payloads.runner),
      Context.add(GuestAgent, options.guest)
    ),
    account: () => ledger.account(),
    payloads: payloads.results,
    finish: Effect.gen(function* () {
      const problems = [...(yield* problemsOf(Effect.suspend(() => engine.stopAndCollect(left()))))]
      problems.push(...(yield* problemsOf(payloads.finish)))
      for (const name of [...ledger.state.names].reverse()) {
        if (ledger.state.exists(name)) problems.push(...(yield* problemsOf(cgroups.remove(name))))
      }
      return problems
    }).pipe(Effect.withSpan("LiveScenario.finish"))
  }
}

/**
 * Provides the services as a layer, for programs that do not run as a scenario.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerLiveScenario = (
  options: LiveScenarioOptions
): Layer.Layer<CgroupManager | WorkloadEngine | PayloadRunner | GuestAgent> =>
  Layer.effectContext(Effect.sync(() => makeLiveScenario(options).services))
