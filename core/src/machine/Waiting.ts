/**
 * Fibers that wait for what a callback will tell.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"

/**
 * @since 0.1.0
 * @category models
 */
export class Waiting {
  protected readonly resumes = new Set<() => void>()

  /** Lets everybody go on who waits. */
  wake(): void {
    const resumes = [...this.resumes]
    this.resumes.clear()
    for (const resume of resumes) resume()
  }

  /** Until the next {@link wake}, unless there is nothing to wait for: a fiber may pause between a look of its own and this. */
  unless(ready: () => boolean): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (ready()) return resume(Effect.void)
      const go = (): void => resume(Effect.void)
      this.resumes.add(go)
      return Effect.sync(() => this.resumes.delete(go))
    })
  }
}
