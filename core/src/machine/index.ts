/**
 * Virtual machines and their backends, and this host in place of a VM.
 *
 * @since 0.2.0
 */
export { AgentBinary, AgentMissing } from "./AgentBinary.ts"
export { Backend, type BackendOptions, Backends, layerBackends } from "./Backend.ts"
export { ByteInbox, channelLost, channelOfStreams } from "./ByteChannel.ts"
export { bootMachine, openBackend } from "./bootMachine.ts"
export { ClockMode } from "./ClockMode.ts"
export { ConsoleLog, LineSplitter } from "./ConsoleLog.ts"
export { openThrottling, quotaFolders, throttledMs } from "./CpuThrottling.ts"
export { type HostDelay, type HostDelayMeter, HostDelayTimeline, maxSlices } from "./HostDelay.ts"
export { type HostDelayOptions, meterHostDelay, schedCounters, stolenMs, threadState } from "./HostDelaySampler.ts"
export { findCgroupMount, HostError, type HostErrorReason, HostMachine, type HostSpec } from "./HostMachine.ts"
export { isRestartLine, panicMessage } from "./KernelLines.ts"
export { KvmProbe, KvmVerdict, KvmVerdictKind } from "./KvmProbe.ts"
export { type ConsoleEvidence, judgeEnd, MachineWitness, type SeenEnd } from "./MachineEnd.ts"
export { openScratchDisk } from "./ScratchDisk.ts"
export { UnknownBackend } from "./UnknownBackend.ts"
export {
  type GuestMemory,
  type PerformanceOptions,
  type Vm,
  type VmExit,
  Vmm,
  VmmError,
  type VmmErrorReason,
  type VmSpec
} from "./Vmm.ts"
