import { layerMemoryVmm } from "./memoryVmm.ts"
import { vmmContract } from "./vmmContract.ts"

vmmContract("in memory", layerMemoryVmm, { backend: "memory", clock: "emulated" })
