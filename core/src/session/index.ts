/**
 * A guest session from the first byte to the end: transports, the agent's messages, and what was recorded.
 *
 * @since 0.2.0
 */
export { notAsAsked } from "./AskedMachine.ts"
export {
  type GuestProcess,
  inputWindow,
  outputWindow,
  type ProcessEnd,
  type ProcessOutput,
  runProcess
} from "./GuestProcess.ts"
export {
  accountOfExit,
  describeEnd,
  describeExit,
  followGuest,
  type GuestEnd,
  type SessionOptions,
  type SessionResult
} from "./GuestSession.ts"
export { GuestCpu, GuestNode } from "./GuestTopology.ts"
export { InitStage } from "./InitStage.ts"
export {
  CommandRefused,
  GuestAgent,
  type GuestListener,
  GuestLost,
  type LateWait,
  type LiveGuest,
  lateWait,
  makeLiveGuest
} from "./LiveGuest.ts"
export { OnlineRecord } from "./OnlineRecord.ts"
export { readKernelLog } from "./PrintkRing.ts"
export { SessionRecord } from "./Record.ts"
export {
  defaultRing,
  deterministicRing,
  makeRingReader,
  makeRingWriter,
  type RingReader,
  type RingWriter
} from "./Ring.ts"
export { StimulusEvent } from "./StimulusEvent.ts"
export { makeTransport, type ReceivedEvents, type Transport, type TransportOptions } from "./Transport.ts"
