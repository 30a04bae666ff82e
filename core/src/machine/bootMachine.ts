/**
 * Boots a machine with whatever backend is provided.
 *
 * @since 0.2.0
 */
import { Effect, type Scope } from "effect"
import { guardPlugin } from "../base/index.ts"
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

/**
 * Boots a machine in the scope, with the backend that {@link Vmm} provides. If the backend fails with something else than VmmError, throws, or returns
 * no machine, fails with a VmmError of the reason BackendMissing that says so.
 *
 * @since 0.2.0
 * @category constructors
 */
export const bootMachine = (spec: VmSpec): Effect.Effect<Vm, VmmError, Scope.Scope | Vmm> =>
  Effect.flatMap(Vmm, (vmm) =>
    guardPlugin(() => vmm.boot(spec), {
      tag: "VmmError",
      reasons: Object.keys(reasons),
      problem,
      fault: (how, cause) =>
        new VmmError({ reason: "BackendMissing", cause, message: `the machine's backend failed in \`boot\`: ${how}` })
    })
  )
