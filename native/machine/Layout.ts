/**
 * Every fixed address, port and interrupt of the machine, with the reason for each. The addon's devices use these.
 *
 * Physical memory, by ascending address:
 *
 *     0x00000000  RAM: GDT, zero page, page tables, command line (all below the kernel's first allocations)
 *     0x0009e000  MP table, its pointer at 0x9fc00                                      reserved
 *     0x000a0000  the PC's hole for video memory and adapters: nothing
 *     0x000e0000  ACPI tables, the RSDP first; may run on beyond 1 MiB                  ACPI data
 *     0x00100000  RAM: kernel at its link address (16 MiB), initramfs at the top
 *     0xc0000000  hole of 1 GiB for devices: virtio-mmio, I/O APIC, local APICs, and KVM's own pages
 *     0x100000000 RAM: what does not fit below the hole
 *
 * @since 0.1.0
 */

const kib = 1024
const mib = 1024 * kib

/**
 * Where the boot structures lie in low RAM. The kernel copies or abandons each of them before it hands that memory out
 * (it keeps the first 64 KiB to itself anyway: arch/x86/kernel/setup.c, `trim_low_memory_range`).
 *
 * @since 0.1.0
 * @category addresses
 */
export const bootAddresses = {
  /** The first 0x500 bytes are a PC's interrupt vectors and BIOS data area, which the kernel reads. */
  gdt: 0x500,
  /** Boot parameters, one page (Documentation/arch/x86/zero-page.rst), at the traditional address of boot loaders. */
  zeroPage: 0x7000,
  /** PML4, PDPT and four page directories: six pages. */
  pageTables: 0x9000,
  /**
   * RSP at entry. The 64-bit entry sets its own stack before its first push; there is RAM below this address in case it
   * does not.
   */
  stack: 0x8ff0,
  /** Up to {@link maxCmdline} bytes and a NUL. */
  cmdline: 0x20000
} as const

/**
 * Longest command line in bytes without its NUL: COMMAND_LINE_SIZE − 1 of arch/x86/include/asm/setup.h.
 *
 * @since 0.1.0
 * @category addresses
 */
export const maxCmdline = 2047

/**
 * The MP table for kernels without ACPI. Kernels search for its floating pointer in the last KiB of base memory, 639 to
 * 640 KiB (Intel MultiProcessor Specification 1.4, chapter 4). 255 processors need 5.3 KiB, so the table itself lies
 * before that.
 *
 * @since 0.1.0
 * @category addresses
 */
export const mpAddresses = { table: 0x9e000, pointer: 0x9fc00 } as const

/**
 * End of base memory: from here to 1 MiB a PC has no RAM (ACPI 6.5, 15.4: E820 assumptions).
 *
 * @since 0.1.0
 * @category addresses
 */
export const baseMemoryEnd = 0xa0000

/**
 * Where a kernel that does not get the address of the RSDP scans for it: 0xe0000 to 0xfffff on 16-byte boundaries (ACPI
 * 6.5, 5.2.5.1). The tables follow the RSDP. 252 CPUs need 40 KiB; the tables of larger machines extend beyond 1 MiB.
 *
 * @since 0.1.0
 * @category addresses
 */
export const acpiBase = 0xe0000

/**
 * Extended memory begins at 1 MiB.
 *
 * @since 0.1.0
 * @category addresses
 */
export const extendedMemory = mib

/**
 * RAM below 4 GiB ends here at the latest. With a hole of 1 GiB, the RAM on both sides of it consists of whole gigabyte
 * pages.
 *
 * @since 0.1.0
 * @category addresses
 */
export const holeStart = 0xc0000000

/**
 * @since 0.1.0
 * @category addresses
 */
export const highMemory = 2 ** 32

/**
 * KVM keeps three pages for the task state of real mode and one for its identity map on Intel hosts (KVM_SET_TSS_ADDR,
 * KVM_SET_IDENTITY_MAP_ADDR; Documentation/virt/kvm/api.rst): in the hole, below the firmware's place at the end of 4 GiB.
 *
 * @since 0.1.0
 * @category addresses
 */
export const kvmAddresses = { identityMap: 0xfffbc000, tss: 0xfffbd000 } as const

/**
 * Interrupt controllers, at the addresses that every PC uses (Intel SDM volume 3, 11.4.1; 82093AA I/O APIC data sheet,
 * 3.0), like KVM's own. The I/O APIC has 24 pins, and GSI n is pin n, without the PC's redirection of IRQ 0 to pin 2:
 * KVM's default routing.
 *
 * @since 0.1.0
 * @category devices
 */
export const apicAddresses = { local: 0xfee00000, io: 0xfec00000 } as const

/**
 * The id of the I/O APIC: the value of KVM's I/O APIC after reset.
 *
 * @since 0.1.0
 * @category devices
 */
export const ioApicId = 0

/**
 * The two serial ports, 8 ports each, edge-triggered: the PC's COM1 (kernel console) and COM2 (agent channel).
 *
 * @since 0.1.0
 * @category devices
 */
export const serialPorts: ReadonlyArray<{ readonly port: number; readonly irq: number }> = [
  { port: 0x3f8, irq: 4 },
  { port: 0x2f8, irq: 3 }
]

/**
 * The keyboard controller, which only has the reset line: writing 0xfe to its command port resets the machine. It does
 * not respond to keyboard probes, and the FADT says that there is none.
 *
 * @since 0.1.0
 * @category devices
 */
export const keyboardController = { data: 0x60, command: 0x64, reset: 0xfe, irq: 1 } as const

/**
 * Where a PC has its CMOS clock. This machine has none, and kernels with ACPI know that. Others read it, and wait half
 * a minute for the end of an update if the data port reads as all ones like an empty port. It should read 0.
 *
 * @since 0.1.0
 * @category devices
 */
export const clockPorts = { index: 0x70, data: 0x71 } as const

/**
 * Sleep registers of hardware-reduced ACPI (ACPI 6.5, 4.8.3.7), one I/O port each. The guest is off when it writes `off` to the
 * control port: SLP_EN (bit 5) and in bits 2–4 the SLP_TYP that the DSDT's _S5 names. The status port reads 0.
 *
 * @since 0.1.0
 * @category devices
 */
export const sleepPorts = { control: 0x600, status: 0x601, sleepType: 5, off: (1 << 5) | (5 << 2) } as const

/**
 * virtio-mmio devices: device n has its page of registers at `base + n × size` and GSI `firstGsi + n`, edge-triggered (the addon
 * pulses the line: the interrupt status register keeps what is pending). GSI 8 and 12, the PC's clock and mouse, are free here.
 *
 * @since 0.1.0
 * @category devices
 */
export const virtioMmio = { base: 0xd0000000, size: 0x1000, firstGsi: 5, max: 16 } as const
