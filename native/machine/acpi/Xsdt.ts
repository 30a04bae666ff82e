/**
 * The list of tables (ACPI 6.5, 5.2.8).
 *
 * @since 0.1.0
 */
import { u64 } from "../Field.ts"
import { acpiTable } from "./Table.ts"

/**
 * @since 0.1.0
 * @category constructors
 */
export const xsdt = (tables: ReadonlyArray<number>): Uint8Array => acpiTable("XSDT", 1, ...tables.map(u64))
