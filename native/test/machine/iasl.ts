// Runs ACPICA's compiler and disassembler, the judge of ACPI tables.
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const complaint = /warning|error|remark|invalid|incorrect|unknown/i

export interface Judged {
  readonly name: string
  /** The disassembly, as ASL or as one line a field. */
  readonly source: string
  /** What iasl had to say against the table when taking it apart or putting it together again. */
  readonly complaints: ReadonlyArray<string>
  /** The table made from its disassembly; empty when iasl would not. */
  readonly compiled: Uint8Array
}

const run = (args: ReadonlyArray<string>, cwd: string): ReadonlyArray<string> => {
  const { stdout, stderr, status } = spawnSync("iasl", args, { cwd, encoding: "utf8" })
  const lines = `${stdout}\n${stderr}`.split("\n")
  return [
    ...(status === 0 ? [] : [`iasl ${args.join(" ")} ended with ${status}`]),
    ...lines.filter((line) => complaint.test(line) && !/\b0 Errors?, 0 Warnings?, 0 Remarks?/.test(line))
  ]
}

const contents = (path: string): Uint8Array => (existsSync(path) ? readFileSync(path) : new Uint8Array())

/** Every table apart and together again. Names must be unique. */
export const judge = (
  tables: ReadonlyArray<{ readonly name: string; readonly bytes: Uint8Array }>
): ReadonlyArray<Judged> => {
  const directory = mkdtempSync(join(tmpdir(), "ktstr-iasl-"))
  try {
    for (const { name, bytes } of tables) writeFileSync(join(directory, `${name}.aml`), bytes)
    return tables.map(({ name }) => {
      const apart = run(["-d", `${name}.aml`], directory)
      const source = readFileSync(join(directory, `${name}.dsl`), "utf8")
      const together = run(["-p", `${name}-again`, `${name}.dsl`], directory)
      const complaints = [...apart, ...together, ...source.split("\n").filter((line) => /\*\*\*|invalid/i.test(line))]
      return { name, source, complaints, compiled: contents(join(directory, `${name}-again.aml`)) }
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}
