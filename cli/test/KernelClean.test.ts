import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { kernelClean } from "../src/commands/KernelClean.ts"
import type { CommandIo } from "../src/io/CommandIo.ts"
import { parse } from "../src/parse/Arguments.ts"

/** Runs the command in a cache with one corrupt entry; `said` is what came on stdout. */
const inCache = <A, E>(
  body: (
    clean: (...words: ReadonlyArray<string>) => Effect.Effect<string, unknown>,
    directory: string
  ) => Effect.Effect<A, E>
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-clean-"))),
    (directory) => {
      mkdirSync(join(directory, "spoilt"))
      writeFileSync(join(directory, "spoilt/metadata.json"), "[]")
      const clean = (...words: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const said: Array<string> = []
          const stream = { terminal: false, color: false, columns: 80 }
          const io: CommandIo = {
            out: { ...stream, write: (text) => Effect.sync(() => void said.push(text)) },
            err: { ...stream, write: () => Effect.void },
            signalled: () => 130
          }
          const invocation = yield* parse(["kernel", "clean", ...words])
          if (invocation.command !== "kernel clean") return yield* Effect.dieMessage(invocation.command)
          yield* kernelClean(invocation, io)
          return said.join("")
        })
      const variables = new Map([
        ["KTSTR_CACHE_DIR", directory],
        ["PATH", process.env.PATH ?? ""]
      ])
      return Effect.withConfigProvider(body(clean, directory), ConfigProvider.fromMap(variables))
    },
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

it.live("without a terminal it needs --force, and removes nothing", () =>
  inCache((clean, directory) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(clean())
      expect(String(error)).toContain(
        `would remove 1 of 1 entries of ${directory}: without a terminal to ask on it needs --force`
      )
      expect(readdirSync(directory)).toEqual(["spoilt"])
      expect(String(yield* Effect.flip(clean("--keep", "1", "--corrupt-only")))).toContain("exclude each other")
    })
  )
)

it.live("says what it removed", () =>
  inCache((clean, directory) =>
    Effect.gen(function* () {
      const said = JSON.parse(yield* clean("--corrupt-only", "--force", "--json"))
      expect(said).toEqual({ directory, removed: ["spoilt"], kept: [], remains: [] })
      expect(yield* clean("--keep", "2")).toBe(`0 removed, 0 kept in ${directory}\n`)
    })
  )
)

it.live("takes the objects of built trees along, when nothing is to be kept and nobody builds", () =>
  inCache((clean, directory) =>
    Effect.gen(function* () {
      rmSync(join(directory, "spoilt"), { recursive: true })
      const objects = join(directory, ".objects-abc")
      mkdirSync(objects)
      writeFileSync(join(objects, "vmlinux.o"), new Uint8Array(2 ** 20).fill(1))
      expect(String(yield* Effect.flip(clean()))).toMatch(
        /would remove 0 of 0 entries of \S+ and the objects of 1 tree \(1\.0 MiB\): without a terminal/
      )
      yield* clean("--keep", "2")
      yield* clean("--corrupt-only", "--force")
      expect(readdirSync(objects)).toEqual(["vmlinux.o"])
      expect(yield* clean("--force")).toBe(`removed ${objects}\n0 removed, 0 kept in ${directory}\n`)
      expect(readdirSync(directory).filter((name) => name !== ".locks")).toEqual([])
    })
  )
)
