// Tables of Markdown.
const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

/** Head and rows, a line each. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => [row(head), row(head.map(() => "---")), ...rows.map(row)]

/** Any text as a cell. */
export const quoted = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").slice(0, 240)
