// Type declarations of every library, for `npm pack` and `npm publish` (each package's prepack). In this repository types come straight from
// the sources (condition "@ktstr/source"), so neither set-up nor tests need this.
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc")

/** Package → what of it is declared, and where below `dist/types` it goes. */
const libraries = {
  core: { src: "." },
  native: { lib: "lib", machine: "machine" },
  ...Object.fromEntries(readdirSync(join(root, "plugins")).map((name) => [`plugins/${name}`, { src: "." }]))
}

/** Compilers before 5.7 know no .ts in an import. */
const portable = (text) => text.replace(/((?:from|import)\s*\(?\s*"\.{1,2}\/[^"]*)\.ts"/g, '$1.js"')

const scratch = mkdtempSync(join(tmpdir(), "ktstr-declarations-"))
try {
  execFileSync(process.execPath, [tsc, "-p", join(root, "tsconfig.declarations.json"), "--outDir", scratch], {
    stdio: ["ignore", "inherit", "inherit"]
  })
  for (const [folder, parts] of Object.entries(libraries)) {
    const types = join(root, folder, "dist/types")
    rmSync(types, { recursive: true, force: true })
    for (const [from, to] of Object.entries(parts)) {
      cpSync(join(scratch, folder, from), join(types, to), { recursive: true })
    }
    for (const name of readdirSync(types, { recursive: true })) {
      if (!name.endsWith(".d.ts")) continue
      const file = join(types, name)
      writeFileSync(file, portable(readFileSync(file, "utf8")))
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
