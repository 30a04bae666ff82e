/**
 * The devices that can't be enumerated (ACPI 6.5, 5.2.11.1): serial ports, virtio-mmio, processors; and how to power off.
 *
 * @since 0.1.0
 */
import type { Field } from "../Field.ts"
import { serialPorts, sleepPorts, virtioMmio } from "../Layout.ts"
import { Aml, Resource } from "./Aml.ts"
import { acpiTable } from "./Table.ts"

/**
 * Names of processors and virtio devices consist of a letter and three digits.
 *
 * @since 0.1.0
 * @category limits
 */
export const maxProcessors = 0x1000

const numbered = (letter: string, index: number): string => letter + index.toString(16).toUpperCase().padStart(3, "0")

/** 16550A-compatible: PNP0501. The kernel takes the interrupt and the order (_UID) of the ports from here. */
const serial = (port: number, irq: number, index: number): Field =>
  Aml.device(
    `COM${index + 1}`,
    Aml.name("_HID", Aml.eisaId("PNP0501")),
    Aml.name("_UID", Aml.integer(index + 1)),
    Aml.name("_CRS", Aml.resources(Resource.ports(port, 8), Resource.edgeInterrupt(irq)))
  )

/** LNRO0005 is the id that the driver of virtio-mmio matches (drivers/virtio/virtio_mmio.c). */
const virtio = (index: number): Field =>
  Aml.device(
    numbered("V", index),
    Aml.name("_HID", Aml.string("LNRO0005")),
    Aml.name("_UID", Aml.integer(index)),
    Aml.name("_CCA", Aml.integer(1)),
    Aml.name(
      "_CRS",
      Aml.resources(
        Resource.memory(virtioMmio.base + index * virtioMmio.size, virtioMmio.size),
        Resource.edgeInterrupt(virtioMmio.firstGsi + index)
      )
    )
  )

const processorId = Aml.name("_HID", Aml.string("ACPI0007"))

/** With the UID of its MADT entry (8.4, Declaring Processors). */
const processor = (index: number): Field =>
  Aml.device(numbered("C", index), processorId, Aml.name("_UID", Aml.integer(index)))

/**
 * For machines of at most {@link maxProcessors} CPUs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const dsdt = (options: { readonly cpus: number; readonly virtioDevices: number }): Uint8Array =>
  acpiTable(
    "DSDT",
    2,
    // 7.4.2: SLP_TYP of the two control registers; hardware-reduced machines have only one.
    Aml.name(
      "\\_S5",
      Aml.package(Aml.integer(sleepPorts.sleepType), Aml.integer(sleepPorts.sleepType), Aml.integer(0), Aml.integer(0))
    ),
    Aml.scope(
      "\\_SB",
      ...serialPorts.map(({ port, irq }, index) => serial(port, irq, index)),
      ...Array.from({ length: options.virtioDevices }, (_, index) => virtio(index)),
      ...Array.from({ length: options.cpus }, (_, index) => processor(index))
    )
  )
