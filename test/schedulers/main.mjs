// `npm run schedulers` and `npm run table:schedulers`: bundles the commands (Node 20 runs no TypeScript) and hands over to them.
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
