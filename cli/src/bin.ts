#!/usr/bin/env node
/**
 * Starts the `ktstr` command. Prints help and the version before anything else is loaded.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import { releaseTerminalsAtExit } from "./io/JobControl.ts"
import { openStandardStream } from "./io/StandardStream.ts"
import { helpFor } from "./parse/Help.ts"

/** Prints help. A failed write sets the exit code and the message that every command has. */
const writeOut = (text: string) => {
  const err = openStandardStream(2, () => undefined)
  const out = openStandardStream(1, ({ code, message }) => {
    process.exitCode = code === "EPIPE" ? 141 : 74
    if (code !== "EPIPE") err.write(`ktstr: ${message}\n`)
  })
  out.write(text)
}

releaseTerminalsAtExit()

const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
const version =
  typeof manifest === "object" && manifest !== null && "version" in manifest ? String(manifest.version) : "unknown"
const argv = process.argv.slice(2)
const help = helpFor(argv, version)
if (help === undefined) {
  const { main } = await import("./Main.ts")
  await main(argv)
} else {
  writeOut(help)
}
