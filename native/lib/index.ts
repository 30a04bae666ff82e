export * from "./AgentBinary.ts"
export * from "./KvmProbe.ts"
