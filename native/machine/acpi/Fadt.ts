/**
 * The fixed description (ACPI 6.5, 5.2.9) of a machine with hardware-reduced ACPI: no power-management timer, event blocks, SCI or
 * legacy devices, so the kernel neither probes nor calibrates any. Its clocks are kvm-clock, TSC and the local APIC's timer.
 *
 * @since 0.1.0
 */
import { concat, type Field, u8, u16, u32, u64, zeros } from "../Field.ts"
import { keyboardController, sleepPorts } from "../Layout.ts"
import { acpiTable } from "./Table.ts"

/** Table 5.10: no VGA (bit 2), no CMOS clock (bit 5); no legacy devices (bit 0), no keyboard controller (bit 1). */
const bootArchitecture = (1 << 2) | (1 << 5)

/**
 * Table 5.11: WBINVD works, C1 on all processors, no fixed power or sleep button, reset register, hardware-reduced.
 */
const flags = (1 << 0) | (1 << 2) | (1 << 4) | (1 << 5) | (1 << 10) | (1 << 20)

/** Table 5.1, Generic Address Structure: an 8-bit port in I/O space, accessed as a byte. */
const port = (address: number): Field => concat(u8(1), u8(8), u8(0), u8(1), u64(address))
const none = zeros(12)

/** Preferred_PM_Profile: performance server, the profile that trades the least latency for power. */
const performanceServer = 7

/**
 * @since 0.1.0
 * @category constructors
 */
export const fadt = (dsdt: number): Uint8Array =>
  acpiTable(
    "FACP",
    6,
    u32(0), // FIRMWARE_CTRL: hardware-reduced machines need no FACS
    u32(dsdt),
    u8(0),
    u8(performanceServer),
    u16(0), // SCI_INT
    u32(0), // SMI_CMD: always in ACPI mode
    zeros(4), // ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT
    zeros(32), // eight 32-bit register blocks
    zeros(8), // their lengths, GPE1_BASE, CST_CNT
    // P_LVL2_LAT, P_LVL3_LAT: over 100 and 1000 µs: no such states.
    u16(101),
    u16(1001),
    zeros(4), // FLUSH_SIZE, FLUSH_STRIDE: WBINVD works
    zeros(5), // DUTY_OFFSET, DUTY_WIDTH, DAY_ALRM, MON_ALRM, CENTURY
    u16(bootArchitecture),
    u8(0),
    u32(flags),
    port(keyboardController.command), // RESET_REG
    u8(keyboardController.reset),
    u16(0), // ARM_BOOT_ARCH
    u8(5), // FADT minor version: 6.5
    u64(0), // X_FIRMWARE_CTRL
    u64(dsdt),
    ...Array.from({ length: 8 }, () => none), // the register blocks once more
    port(sleepPorts.control),
    port(sleepPorts.status),
    zeros(8) // Hypervisor Vendor Identity
  )
