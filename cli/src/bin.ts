#!/usr/bin/env node
/**
 * The `ktstr` command. Help and version are answered before anything else is loaded.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { helpFor } from "./Help.ts"

const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
const version =
  typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown"
const argv = process.argv.slice(2)
const help = helpFor(argv, version)
if (help === undefined) {
  const { main } = await import("./Main.ts")
  await main(argv)
} else {
  process.stdout.write(help)
}
