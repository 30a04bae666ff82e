/**
 * Frames between host and agent, and the messages in them.
 *
 * @since 0.2.0
 */
export { AgentEvent, decodeEvent, encodeEvent, outsideSteps, protocolVersion } from "./AgentEvent.ts"
export { bool, type Codec, cpus, i32, list, str, struct, u8, u32, u64 } from "./Codec.ts"
export {
  Command,
  decodeCommand,
  encodeCommand,
  encodePlan,
  type GuestMemPolicy,
  type GuestProgram,
  type GuestScheduler,
  type GuestWorker
} from "./Command.ts"
export { makeEventHash } from "./EventHash.ts"
export {
  type DecodedFrames,
  encodeFrame,
  type Frame,
  type FrameDecoder,
  frameFormat,
  makeFrameDecoder,
  ProtocolError
} from "./Frame.ts"
export { BoundedList, guestLimits } from "./GuestLimits.ts"
export { printable } from "./GuestText.ts"
export type {
  KernelSymbol,
  LogLevel,
  ProcessExitKind,
  ProcessTelemetry,
  ReportedTopology,
  SchedulerEndCause,
  SchedulerExitKind,
  SchedulerTelemetry,
  WorkerExitKind,
  WorkerTelemetry
} from "./Telemetry.ts"
export { WireError, WireReader, WireWriter } from "./Wire.ts"
