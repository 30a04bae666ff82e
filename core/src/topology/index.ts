/**
 * CPUs, LLCs and NUMA nodes: the requested topology, a test's view of it, and sets of CPUs.
 *
 * @since 0.2.0
 */
export { Affinity, type AffinityContext, type AffinityKind } from "./Affinity.ts"
export { CpuListError, CpuSet } from "./CpuSet.ts"
export { CpusetSpec, CpusetSpecError } from "./CpusetSpec.ts"
export { nodeMemoryMb, placeRam, type RamSegment } from "./GuestRam.ts"
export { readHostTopology } from "./HostTopology.ts"
export { MemPolicy, MpolFlags } from "./MemPolicy.ts"
export { type Preset, Presets, UnknownPreset } from "./Presets.ts"
export { TestConstraints } from "./TestConstraints.ts"
export { type LlcInfo, type NodeInfo, type SysfsTopology, TestTopology } from "./TestTopology.ts"
export {
  type CpuPlace,
  type NodeTopologyOptions,
  type NumaNode,
  type NumaNodeSpec,
  Topology,
  TopologyError,
  type UniformTopologyOptions
} from "./Topology.ts"
