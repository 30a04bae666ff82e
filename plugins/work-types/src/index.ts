/**
 * The built-in work types.
 *
 * @since 0.1.0
 */

import { WorkType } from "@ktstr/core"
import type { RegisterError } from "@ktstr/core/base"
import type { WorkTypes } from "@ktstr/core/work"
import type { Layer } from "effect"
import { AffinityChurn } from "./AffinityChurn.ts"
import { Bursty } from "./Bursty.ts"
import { CachePipe } from "./CachePipe.ts"
import { CachePressure } from "./CachePressure.ts"
import { CacheYield } from "./CacheYield.ts"
import { FanOutCompute } from "./FanOutCompute.ts"
import { ForkExit } from "./ForkExit.ts"
import { FutexFanOut } from "./FutexFanOut.ts"
import { FutexPingPong } from "./FutexPingPong.ts"
import { IoConvoy } from "./IoConvoy.ts"
import { IoRandRead } from "./IoRandRead.ts"
import { IoSyncWrite } from "./IoSyncWrite.ts"
import { Mixed } from "./Mixed.ts"
import { MutexContention } from "./MutexContention.ts"
import { NiceSweep } from "./NiceSweep.ts"
import { PageFaultChurn } from "./PageFaultChurn.ts"
import { PipeIo } from "./PipeIo.ts"
import { PolicyChurn } from "./PolicyChurn.ts"
import { type Phase, Sequence } from "./Sequence.ts"
import { SpinWait } from "./SpinWait.ts"
import { YieldHeavy } from "./YieldHeavy.ts"

export type { Phase }
export {
  AffinityChurn,
  Bursty,
  CachePipe,
  CachePressure,
  CacheYield,
  FanOutCompute,
  ForkExit,
  FutexFanOut,
  FutexPingPong,
  IoConvoy,
  IoRandRead,
  IoSyncWrite,
  Mixed,
  MutexContention,
  NiceSweep,
  PageFaultChurn,
  PipeIo,
  PolicyChurn,
  Sequence,
  SpinWait,
  YieldHeavy
}

/**
 * All entries in their listed order.
 *
 * @since 0.1.0
 * @category work types
 */
export const workTypes: ReadonlyArray<WorkType> = [
  SpinWait,
  YieldHeavy,
  Mixed,
  IoSyncWrite,
  IoRandRead,
  IoConvoy,
  Bursty,
  PipeIo,
  FutexPingPong,
  CachePressure,
  CacheYield,
  CachePipe,
  FutexFanOut,
  FanOutCompute,
  Sequence,
  ForkExit,
  NiceSweep,
  AffinityChurn,
  PolicyChurn,
  PageFaultChurn,
  MutexContention
]

/**
 * Registers all entries in a registry: `Layer.provideMerge(layerBuiltinWorkTypes, layerWorkTypes)`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBuiltinWorkTypes: Layer.Layer<never, RegisterError, WorkTypes> = WorkType.layerAll(workTypes)
