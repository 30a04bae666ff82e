/**
 * The built-in work types.
 *
 * @since 0.1.0
 */
import { type DuplicateName, WorkType, type WorkTypes } from "@ktstr/core"
import type { Layer } from "effect"
import { Bursty } from "./Bursty.ts"
import { CachePressure } from "./CachePressure.ts"
import { ForkExit } from "./ForkExit.ts"
import { FutexPingPong } from "./FutexPingPong.ts"
import { IoSyncWrite } from "./IoSyncWrite.ts"
import { Mixed } from "./Mixed.ts"
import { PipeIo } from "./PipeIo.ts"
import { SpinWait } from "./SpinWait.ts"
import { YieldHeavy } from "./YieldHeavy.ts"

export { Bursty, CachePressure, ForkExit, FutexPingPong, IoSyncWrite, Mixed, PipeIo, SpinWait, YieldHeavy }

/**
 * All of them, in the order in which they are listed.
 *
 * @since 0.1.0
 * @category work types
 */
export const workTypes: ReadonlyArray<WorkType> = [
  SpinWait,
  YieldHeavy,
  Mixed,
  IoSyncWrite,
  Bursty,
  PipeIo,
  FutexPingPong,
  CachePressure,
  ForkExit
]

/**
 * Registers all of them in a registry: `Layer.provideMerge(layerBuiltinWorkTypes, layerWorkTypes)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBuiltinWorkTypes: Layer.Layer<never, DuplicateName, WorkTypes> = WorkType.layerAll(workTypes)
