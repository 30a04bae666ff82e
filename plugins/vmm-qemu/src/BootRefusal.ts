/**
 * Explains why qemu ended before it built the machine.
 *
 * @since 0.1.0
 */
import { VmmError, type VmmErrorReason } from "@ktstr/core/machine"

const lastLine = (stderr: string): string => stderr.trimEnd().split("\n").at(-1)?.trim() ?? ""

/** qemu's texts for each reason (hw/i386/x86.c, system/physmem.c, backends/hostmem-file.c, accel/kvm/kvm-all.c, hw/core/machine-smp.c). */
const kinds: ReadonlyArray<readonly [pattern: RegExp, reason: VmmErrorReason, cure: (kernel: string) => string]> = [
  [
    /kernel|PVH/i,
    "BadKernel",
    (kernel) => `; the kernel is ${kernel}, which must be an x86_64 bzImage or an ELF vmlinux with CONFIG_PVH`
  ],
  [/allocate memory|guest memory|No space left/i, "OutOfMemory", () => "; ask for less guest memory"],
  [
    /topology|-smp|maxcpus|APIC|numa|Number of SMP CPUs|CPU/i,
    "BadSpec",
    () => "; ask for another topology or amount of memory"
  ]
]

/**
 * Returns the typed error for qemu's message.
 *
 * @since 0.1.0
 * @category conversions
 */
export const bootRefusal = (stderr: string, kernel: string): VmmError => {
  const message = lastLine(stderr)
  if (/kvm/i.test(message)) {
    return new VmmError({
      reason: "KvmUnusable",
      message: `qemu could not use /dev/kvm: ${message}; run 'ktstr doctor', or use emulation`
    })
  }
  const [, reason, cure] = kinds.find(([pattern]) => pattern.test(message)) ?? [
    undefined,
    "BootFailed" as const,
    () => ""
  ]
  const what = message === "" ? "qemu ended before it started the machine and said nothing" : `qemu refused: ${message}`
  return new VmmError({ reason, message: `${what}${cure(kernel)}` })
}
