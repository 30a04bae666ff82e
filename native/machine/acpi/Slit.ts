/**
 * Distances between NUMA nodes (ACPI 6.5, 5.2.17).
 *
 * @since 0.1.0
 */
import { u64 } from "../Field.ts"
import { acpiTable } from "./Table.ts"

/**
 * A square matrix of bytes; 10 is local.
 *
 * @since 0.1.0
 * @category constructors
 */
export const slit = (distances: ReadonlyArray<ReadonlyArray<number>>): Uint8Array =>
  acpiTable("SLIT", 1, u64(distances.length), ...distances.map((row) => Uint8Array.from(row)))
