// Commands of the tests that are written in TypeScript, which Node 20 does not run.
import { renameSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { buildSync } from "esbuild"

/** Bundles the `Cli.ts` beside the module of that URL, and hands over to it. */
export const runBundled = async (module) => {
  const bundle = fileURLToPath(new URL("dist/cli.js", module))
  const outfile = `${bundle}.${process.pid}`
  buildSync({
    entryPoints: [fileURLToPath(new URL("Cli.ts", module))],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning"
  })
  // Another run may be loading it.
  renameSync(outfile, bundle)
  await import(bundle)
}
