/**
 * Aligned tables and coloured words for terminals.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  /** Default: left. */
  readonly align?: "left" | "right"
}

/**
 * Returns the lines of a table, titles first, columns two spaces apart, without trailing spaces. A column of empty cells is
 * left out.
 *
 * @since 0.1.0
 * @category rendering
 */
export const renderTable = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>
): ReadonlyArray<string> => {
  const filled = columns
    .map((column) => ({ ...column, cells: rows.map(column.cell) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""))
    .map((column) => ({ ...column, width: Math.max(...[column.title, ...column.cells].map((cell) => cell.length)) }))
  const line = (cellOf: (column: (typeof filled)[number]) => string): string =>
    filled
      .map((column) =>
        column.align === "right" ? cellOf(column).padStart(column.width) : cellOf(column).padEnd(column.width)
      )
      .join("  ")
      .trimEnd()
  return [line(({ title }) => title), ...rows.map((_, row) => line(({ cells }) => cells[row] ?? ""))]
}

/** SGR parameters (ECMA-48 8.3.117). */
const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

/**
 * @since 0.1.0
 * @category models
 */
export type Style = keyof typeof codes

/**
 * Styles text, or returns it unchanged.
 *
 * @since 0.1.0
 * @category rendering
 */
export const styled =
  (color: boolean) =>
  (text: string, ...styles: ReadonlyArray<Style>): string =>
    color && text !== "" && styles.length > 0
      ? `\u001b[${styles.map((style) => codes[style]).join(";")}m${text}\u001b[0m`
      : text
