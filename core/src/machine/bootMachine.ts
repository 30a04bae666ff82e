/**
 * Boots machines with backends, which may be plugins.
 *
 * @since 0.2.0
 */
import { Effect, type Scope } from "effect"
import { guardPlugin } from "../base/index.ts"
import type { Backend, BackendOptions } from "./Backend.ts"
import type { KvmProbe } from "./KvmProbe.ts"
import { type Vm, Vmm, VmmError, type VmmErrorReason, type VmSpec } from "./Vmm.ts"

const reasons: Readonly<Record<VmmErrorReason, true>> = {
  BackendMissing: true,
  KvmUnusable: true,
  BadKernel: true,
  BadSpec: true,
  OutOfMemory: true,
  BootFailed: true,
  ChannelLost: true,
  Io: true
}

const members: ReadonlyArray<keyof Vm> = [
  "console",
  "consoleTail",
  "channel",
  "memory",
  "exit",
  "clock",
  "backend",
  "stats"
]

const problem = (vm: unknown): string | undefined => {
  if (typeof vm !== "object" || vm === null) return "no machine"
  const missing = members.find((member) => Reflect.get(vm, member) === undefined)
  return missing === undefined ? undefined : `a machine without '${missing}'`
}

const guard = <A, R>(
  who: string,
  member: "boot" | "make",
  call: () => Effect.Effect<A, VmmError, R>,
  problem: (value: A) => string | undefined
): Effect.Effect<A, VmmError, R> =>
  guardPlugin(call, {
    tag: "VmmError",
    reasons: Object.keys(reasons),
    problem,
    fault: (how, cause) =>
      new VmmError({ reason: "BackendMissing", cause, message: `${who} failed in \`${member}\`: ${how}` })
  })

/**
 * Boots a machine in the scope, with the backend that {@link Vmm} provides. If the backend fails with something else than VmmError, throws, or returns
 * no machine, fails with a VmmError of the reason BackendMissing that says so.
 *
 * @since 0.2.0
 * @category constructors
 */
export const bootMachine = (spec: VmSpec): Effect.Effect<Vm, VmmError, Scope.Scope | Vmm> =>
  Effect.flatMap(Vmm, (vmm) => guard("the machine's backend", "boot", () => vmm.boot(spec), problem))

const noVmm = (vmm: unknown): string | undefined =>
  typeof vmm === "object" && vmm !== null && typeof Reflect.get(vmm, "boot") === "function"
    ? undefined
    : "nothing with a function `boot`"

/**
 * Opens a registered backend for a session, which ends with the scope. What its functions do wrong becomes a VmmError of the reason BackendMissing that
 * names the backend.
 *
 * @since 0.2.0
 * @category constructors
 */
export const openBackend = (
  backend: Backend,
  options: BackendOptions
): Effect.Effect<Vmm["Type"], VmmError, KvmProbe | Scope.Scope> => {
  const who = `the backend '${backend.name}'`
  return Effect.map(
    guard(who, "make", () => backend.make(options), noVmm),
    (vmm) => ({ boot: (spec) => guard(who, "boot", () => vmm.boot(spec), problem) })
  )
}
