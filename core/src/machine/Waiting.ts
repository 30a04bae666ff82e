/**
 * Lets fibers wait for an event that a callback reports.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"

/**
 * A set of waiting fibers, all woken together by {@link wake}.
 *
 * @since 0.1.0
 * @category models
 */
export class Waiting {
  protected readonly resumes = new Set<() => void>()

  /** Resumes all waiting fibers. */
  wake(): void {
    const resumes = [...this.resumes]
    this.resumes.clear()
    for (const resume of resumes) resume()
  }

  /** Waits until the next {@link wake}. Returns at once if `ready()` is already true: the event may have happened after the fiber last checked. */
  waitUnless(ready: () => boolean): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (ready()) return resume(Effect.void)
      const go = (): void => resume(Effect.void)
      this.resumes.add(go)
      return Effect.sync(() => this.resumes.delete(go))
    })
  }
}
