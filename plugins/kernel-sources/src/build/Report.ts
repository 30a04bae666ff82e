/**
 * How a fetch or a build says how far it has come.
 *
 * @since 0.1.0
 */

import type { FetchOptions, FetchProgress } from "@ktstr/core/kernel"
import { Effect } from "effect"

/**
 * Says it: `done` of `total`, in bytes or files, as the stage counts; default 0 of an unknown total.
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
 * Says it to whoever listens, if anybody does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const reportTo =
  (onProgress: FetchOptions["onProgress"]): Report =>
  (stage, detail, done = 0, total = undefined) =>
    onProgress?.({ stage, detail, done, total }) ?? Effect.void
