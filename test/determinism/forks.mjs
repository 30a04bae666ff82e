// Runs one case again and again, each from a boot or (`fork`) forked from one booted machine; a JSON line for each run as it ends. It is a process of its
// own, so that the measurement can end it with its machines: node forks.mjs '{"scenario": …, "runs": …}'.
import {
  KernelResolver,
  resolveScheduler,
  runScenario,
  Scenarios,
  Scheduler,
  SchedulerBinary,
  Topology,
  WorkType
} from "@ktstr/core"
import { layerHarness } from "@ktstr/harness"
import { Effect } from "effect"

const { scenario, scheduler, topology, seconds, seed, runs, jobs, fork, kernel, workType } = JSON.parse(process.argv[2])

const program = Effect.gen(function* () {
  const request = {
    scenario: yield* Effect.flatMap(Scenarios, (scenarios) => scenarios.get(scenario)),
    kernel: yield* Effect.flatMap(KernelResolver, (kernels) => kernels.resolve(kernel)),
    topology: yield* Topology.parse(topology),
    scheduler:
      scheduler === null
        ? undefined
        : yield* resolveScheduler(Scheduler.make("scx_ktstr", { binary: SchedulerBinary.Path(scheduler) })),
    durationMs: seconds * 1000,
    workTypeOverride: workType === undefined ? undefined : WorkType.named(...workType),
    seed,
    determinism: { seed }
  }
  const one = Effect.gen(function* () {
    const from = Date.now()
    const { details, determinism, outcome } = yield* runScenario(request)
    const { eventHash, scheduleHash } = determinism
    console.log(JSON.stringify({ outcome, detail: details[0] ?? null, eventHash, scheduleHash, ms: Date.now() - from }))
  })
  yield* Effect.replicateEffect(one, runs, { concurrency: jobs, discard: true })
})

const layer = layerHarness({ backend: "qemu-tcg", fork })
const fiber = Effect.runFork(Effect.provide(program, layer))
process.once("SIGTERM", () => fiber.unsafeInterruptAsFork(fiber.id()))
await Effect.runPromise(fiber.await).then((exit) => {
  if (exit._tag === "Failure") {
    console.error(String(exit.cause))
    process.exitCode = 1
  }
})
