/**
 * The qemu backend of the `Vmm` service.
 *
 * @since 0.1.0
 */
export * from "./BootRefusal.ts"
export * from "./ExitCause.ts"
export * from "./GuestMemoryFile.ts"
export * from "./HostUsage.ts"
export * from "./Machine.ts"
export * from "./MachineFiles.ts"
export * from "./PhysicalLayout.ts"
export * from "./Ports.ts"
export * from "./PvhNote.ts"
export * from "./QemuArguments.ts"
export * from "./QemuProcess.ts"
export * from "./QemuVmm.ts"
export * from "./Qmp.ts"
