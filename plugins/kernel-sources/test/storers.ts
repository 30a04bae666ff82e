/** Processes that store kernels, for tests that let many run at once or kill them. */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

/** Makes a program of storer.ts, which is started often. */
export const bundleStorer = (program: string) =>
  build({
    entryPoints: [fileURLToPath(new URL("storer.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
  })

export interface Storer {
  readonly child: ChildProcess
  /** When it is about to store. */
  readonly begins: Promise<void>
  readonly ended: Promise<{ readonly code: number | null; readonly said: string }>
}

/** Stores in a cache directory, under each key, a kernel of what storer.ts takes as its first argument. */
export const startStorer = (
  program: string,
  directory: string,
  what: string | number,
  ...keys: ReadonlyArray<string>
): Storer => {
  const child = spawn(process.execPath, [program, String(what), ...keys], {
    env: { ...process.env, KTSTR_CACHE_DIR: directory },
    stdio: ["ignore", "pipe", "inherit"]
  })
  let said = ""
  child.stdout.on("data", (chunk) => {
    said += chunk
  })
  const begins = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()))
  const ended = new Promise<{ code: number | null; said: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, said }))
  )
  return { child, begins, ended }
}
