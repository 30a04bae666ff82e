/**
 * Frames between host and agent, and the messages in them.
 *
 * @since 0.2.0
 */
export {
  AgentEvent,
  decodeEvent,
  encodeEvent,
  type KernelSymbol,
  type LogLevel,
  outsideSteps,
  type ProcessExitKind,
  type ProcessTelemetry,
  protocolVersion,
  type ReportedTopology,
  type SchedulerEndCause,
  type SchedulerExitKind,
  type SchedulerTelemetry,
  type WorkerExitKind,
  type WorkerTelemetry
} from "./AgentEvent.ts"
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
export {
  bool,
  type Codec,
  cpus,
  i32,
  list,
  str,
  struct,
  u8,
  u32,
  u64,
  WireError,
  WireReader,
  WireWriter
} from "./Wire.ts"
