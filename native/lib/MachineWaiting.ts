/**
 * Fibers that wait for something the addon's doorbell will tell.
 *
 * @since 0.1.0
 */

import { type VmmError, Waiting } from "@ktstr/core/machine"
import { Effect } from "effect"
import type { NativeMachine } from "./NativeBinding.ts"

/**
 * @since 0.1.0
 * @category models
 */
export class MachineWaiting extends Waiting {
  /**
   * Waits from before `act`, so that no answer is missed. `act` says whether there is anything to wait for. Fails with `over` when the machine
   * has ended, before or meanwhile.
   */
  after(
    machine: () => NativeMachine | undefined,
    act: (machine: NativeMachine) => boolean,
    over: () => VmmError
  ): Effect.Effect<void, VmmError> {
    return Effect.async<void, VmmError>((resume) => {
      const running = machine()
      if (running === undefined) return resume(Effect.fail(over()))
      const go = (): void => resume(machine() === undefined ? Effect.fail(over()) : Effect.void)
      this.resumes.add(go)
      if (!act(running)) {
        this.resumes.delete(go)
        resume(Effect.void)
      }
      return Effect.sync(() => this.resumes.delete(go))
    })
  }
}
