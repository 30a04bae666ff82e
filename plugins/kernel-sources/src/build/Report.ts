/**
 * Progress of a fetch or a build.
 *
 * @since 0.1.0
 */

import type { FetchOptions, FetchProgress } from "@ktstr/core/kernel"
import { Effect } from "effect"

/**
 * Reports progress: `done` of `total`, in the unit of the stage (bytes or files); default 0 of an unknown total.
 *
 * @since 0.1.0
 * @category models
 */
export type Report = (
  stage: FetchProgress["stage"],
  detail: string,
  done?: number,
  total?: number
) => Effect.Effect<void>

/**
 * Reports progress to the listener, if there is one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reportTo =
  (onProgress: FetchOptions["onProgress"]): Report =>
  (stage, detail, done = 0, total = undefined) =>
    onProgress?.({ stage, detail, done, total }) ?? Effect.void
