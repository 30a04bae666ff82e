#!/usr/bin/env node
// The installed command: the bundle, or the one line that says how to make it.
import { existsSync } from "node:fs"

const bundle = new URL("./dist/bin.js", import.meta.url)
if (existsSync(bundle)) await import(bundle.href)
else {
  process.stderr.write("ktstr is not built; run: npm run setup\n")
  process.exitCode = 69
}
