/**
 * A backend that nobody registered.
 *
 * @since 0.2.0
 */
import { Data } from "effect"

/**
 * No backend has that name.
 *
 * @since 0.2.0
 * @category errors
 */
export class UnknownBackend extends Data.TaggedError("UnknownBackend")<{
  readonly name: string
  readonly message: string
}> {}
