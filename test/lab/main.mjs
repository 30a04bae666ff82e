// `npm run lab -- COMMAND`: bundles the lab (Node 20 runs no TypeScript) and hands over to it.
import { renameSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { buildSync } from "esbuild"

const bundle = fileURLToPath(new URL("dist/cli.js", import.meta.url))
const outfile = `${bundle}.${process.pid}`
buildSync({
  entryPoints: [fileURLToPath(new URL("Cli.ts", import.meta.url))],
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
