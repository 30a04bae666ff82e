// docs/reference: written by hand, and complete.
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { ExitCode, Op, RunResult } from "@ktstr/core"
import { CgroupStats, Checks, TotalStats, WorkerReport } from "@ktstr/core/check"
import { describe, expect, it } from "vitest"
import { type CommandSpec, commands } from "../src/parse/CommandTable.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const page = (name: string): string => readFileSync(`${root}docs/reference/${name}.md`, "utf8")
const missing = (names: ReadonlyArray<string>, text: string, form: (name: string) => string): ReadonlyArray<string> =>
  names.filter((name) => !text.includes(form(name)))

/** Commands that have a row in the last table, not a section. */
const inTable = ["list", "doctor", "topo", "locks", "cleanup"]

/** Returns the page's text on one command. `shell` refers to `exec`, and one sentence says that all `kernel` commands take --json. */
const partOf = (text: string, command: string): string => {
  if (inTable.includes(command)) return text.split("\n").find((line) => line.startsWith(`| \`ktstr ${command}`)) ?? ""
  const [, behind = ""] = text.split(new RegExp(`^### \`ktstr ${command === "shell" ? "exec" : command}\\b`, "m"))
  const [, intro = ""] = command.startsWith("kernel ") ? text.split("\n## Kernels\n") : []
  return `${intro.split("\n#", 1)[0]}${behind.split("\n#", 1)[0]}`
}

const sources = (folder: string): ReadonlyArray<string> =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|mjs)$/.test(file))
    .map((file) => readFileSync(`${root}${folder}/${file}`, "utf8"))

describe("docs/reference", () => {
  it("has every command with every option", () => {
    const text = page("commands")
    const specs: ReadonlyArray<readonly [string, CommandSpec]> = Object.entries(commands)
    for (const [name, { options }] of specs) {
      const part = partOf(text, name)
      expect(part, name).toContain("--")
      const absent = Object.entries(options).flatMap(([option, { alias }]) =>
        part.includes(`--${option}`) || (alias !== undefined && part.includes(`\`-${alias}\``)) ? [] : [option]
      )
      expect(absent, name).toEqual([])
    }
  })

  it("has every check", () => {
    const names = Checks.all.map(({ name }) => name)
    const tables = page("checks").replace(/^Examples of findings:$.*?^## /ms, "")
    expect(missing(names, tables, (name) => `| \`${name}\` |`)).toEqual([])
  })

  it("has every op", () => {
    const names = Object.keys(Op).filter((name) => /^[A-Z]/.test(name))
    expect(missing(names, page("ops"), (name) => `\`Op.${name}`)).toEqual([])
  })

  it("has every field of a result", () => {
    const names = [RunResult, CgroupStats, TotalStats].flatMap(({ fields }) => Object.keys(fields))
    const ofWorkers = Object.keys(WorkerReport.fields).filter((name) => name !== "wakeLatenciesNs")
    expect(missing([...names, ...ofWorkers], page("results-json"), (name) => `\`${name}\``)).toEqual([])
  })

  it("has every exit code", () => {
    const codes = Object.values(ExitCode).map((code) => `${code}`)
    const text = page("exit-codes")
    expect(codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(text))).toEqual([])
  })

  it("has every variable that the sources name", () => {
    const plugins = readdirSync(`${root}plugins`).map((plugin) => `plugins/${plugin}/src`)
    const text = ["core/src", "cli/src", "cli/setup", ...plugins].flatMap(sources).join("\n")
    const names = [...new Set(text.match(/\bKTSTR_[A-Z_]*[A-Z]\b/g))]
    expect(names.length).toBeGreaterThan(10)
    expect(missing(names, page("environment-variables"), (name) => `\`${name}\``)).toEqual([])
  })
})
