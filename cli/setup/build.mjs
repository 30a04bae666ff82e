// Bundles each workspace with tsup. Libraries keep their imports (one copy of effect and of @ktstr/core for everyone who
// composes them); the command carries everything with it, split into chunks, so that `ktstr --help` loads little.
import { readdirSync, rmSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "tsup"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** A room of core is a subpath of its package. */
const coreRooms = readdirSync(`${root}core/src`, { withFileTypes: true }).filter((entry) => entry.isDirectory())

const libraries = {
  core: {
    index: "core/src/index.ts",
    ...Object.fromEntries(coreRooms.map(({ name }) => [name, `core/src/${name}/index.ts`]))
  },
  "plugins/work-types": "plugins/work-types/src/index.ts",
  "plugins/scenarios": "plugins/scenarios/src/index.ts",
  "plugins/schedulers": "plugins/schedulers/src/index.ts",
  "plugins/output-formats": "plugins/output-formats/src/index.ts",
  "plugins/reporters": "plugins/reporters/src/index.ts",
  "plugins/vmm-qemu": "plugins/vmm-qemu/src/index.ts",
  "plugins/kernel-sources": "plugins/kernel-sources/src/index.ts",
  // Its chunk in the command bears its name.
  "plugins/harness": { harness: "plugins/harness/src/index.ts" },
  "plugins/vitest": {
    index: "plugins/vitest/src/index.ts",
    plugin: "plugins/vitest/src/Plugin.ts"
  },
  native: "native/lib/index.ts"
}

const common = {
  format: "esm",
  target: "node20",
  platform: "node",
  sourcemap: true,
  silent: true,
  config: false,
  dts: false
}

for (const [folder, entry] of Object.entries(libraries)) {
  const outDir = `${root}${folder}/dist`
  rmSync(outDir, { recursive: true, force: true })
  const entries = Object.entries(typeof entry === "string" ? { index: entry } : entry)
  const absolute = Object.fromEntries(entries.map(([name, path]) => [name, `${root}${path}`]))
  await build({ ...common, entry: absolute, outDir, splitting: true, skipNodeModulesBundle: true })
}

const outDir = `${root}cli/dist`
rmSync(outDir, { recursive: true, force: true })
await build({
  ...common,
  entry: { bin: `${root}cli/src/bin.ts` },
  outDir,
  splitting: true,
  sourcemap: false,
  treeshake: false,
  // A third less time to load; names stay, for stack traces.
  esbuildOptions: (options) => Object.assign(options, { minifyWhitespace: true, minifySyntax: true }),
  noExternal: [/.*/],
  // The test runner loads its own tree of packages; it is found where the user's tests are.
  external: ["vitest", "vitest/node", "vitest/config", "esbuild"],
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);'
  }
})
