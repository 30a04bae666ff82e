/**
 * Answers of the addon that its doorbell reports.
 *
 * @since 0.1.0
 */
import type { VmmError } from "@ktstr/core/machine"
import { Effect } from "effect"
import type { NativeMachine } from "./NativeBinding.ts"

/**
 * Lets fibers ask a machine for something and wait for its answer.
 *
 * @since 0.2.0
 * @category models
 */
export class NativeAnswer {
  private readonly latch = Effect.unsafeMakeLatch()

  /**
   * `machine` returns the machine while it runs; `over` returns the error if it does not run, before or after the
   * answer.
   */
  constructor(
    private readonly machine: () => NativeMachine | undefined,
    private readonly over: () => VmmError
  ) {}

  /** Resumes all waiting fibers: the answer has arrived, or never will. */
  came(): void {
    this.latch.unsafeOpen()
  }

  /** Calls `ask`, which returns whether there is an answer to wait for, and waits for it. An answer during `ask` counts. */
  after(ask: (machine: NativeMachine) => boolean): Effect.Effect<void, VmmError> {
    return Effect.suspend(() => {
      const running = this.machine()
      if (running === undefined) return Effect.fail(this.over())
      this.latch.unsafeClose()
      if (!ask(running)) return Effect.void
      return Effect.flatMap(this.latch.await, () =>
        this.machine() === undefined ? Effect.fail(this.over()) : Effect.void
      )
    })
  }
}
