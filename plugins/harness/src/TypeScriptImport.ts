/**
 * Imports a TypeScript file of the user. Node 20 can't run TypeScript, so the file is bundled into a private temporary folder and run from there.
 *
 * @since 0.2.0
 */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { createRequire, isBuiltin, SourceMap } from "node:module"
import { tmpdir } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { describeSources } from "@ktstr/core/base"
import { ownPrefix } from "@ktstr/core/host"
import { Effect } from "effect"
import type { Plugin } from "esbuild"

/** esbuild as vitest brings it, looked for where the user's packages are; a literal import would bind it to ours. */
const findEsbuild = async (directory: string): Promise<typeof import("esbuild") | undefined> => {
  for (const from of [pathToFileURL(join(directory, "package.json")).href, import.meta.url]) {
    try {
      let require = createRequire(from)
      for (const hop of ["vitest", "vite"]) {
        try {
          require = createRequire(require.resolve(`${hop}/package.json`))
        } catch {
          // Not installed here: esbuild may still be beside it.
        }
      }
      const found = await import(pathToFileURL(require.resolve("esbuild")).href)
      return found.default ?? found
    } catch {
      // Try the next place.
    }
  }
  return undefined
}

/** The conditions that this process was started with, such as a project's own for its sources. */
const ownConditions = (): ReadonlyArray<string> => {
  const words = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? "").split(/\s+/)]
  return words.flatMap((word, at) => {
    if (word === "-C" || word === "--conditions") return [words[at + 1] ?? ""]
    return word.startsWith("--conditions=") ? [word.slice("--conditions=".length)] : []
  })
}

/** Resolves packages as the user's file would: each specifier becomes the address of the module that it means there. */
const packagesInPlace: Plugin = {
  name: "ktstr-packages",
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ importer, kind, path, pluginData, resolveDir }) => {
      if (kind === "entry-point" || pluginData === packagesInPlace || isBuiltin(path)) return undefined
      if (/^(?:file|data|node):/.test(path)) return { path, external: true }
      const found = await build.resolve(path, { importer, kind, resolveDir, pluginData: packagesInPlace })
      // Node reports a missing module at the import, unless the file handles that.
      if (found.errors.length > 0) return { path, external: true }
      if (found.external) return { path: found.path, external: true }
      return { path: kind.startsWith("require") ? found.path : pathToFileURL(found.path).href, external: true }
    })
  }
}

/** `import.meta` of a module is that of its source. */
const sourceMeta: Plugin = {
  name: "ktstr-import-meta",
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: "file" }, async ({ path }) => {
      const text = await readFile(path, "utf8")
      if (!text.includes("import.meta")) return undefined
      const { transform } = build.esbuild
      const extension = /\.[cm]?([jt]sx?)$/.exec(path)?.[1] as "js" | "jsx" | "ts" | "tsx"
      const { code } = await transform(text, {
        loader: extension,
        sourcefile: path,
        format: "esm",
        sourcemap: "inline",
        define: {
          "import.meta.url": JSON.stringify(pathToFileURL(path).href),
          "import.meta.filename": JSON.stringify(path),
          "import.meta.dirname": JSON.stringify(dirname(path))
        }
      })
      return { contents: code, loader: "js", resolveDir: dirname(path) }
    })
  }
}

/** Returns the place in the sources that a place in the bundle comes from. */
type SourceOf = Parameters<typeof describeSources>[1]

const bundled = async (file: string): Promise<{ readonly contents: Uint8Array; readonly sourceOf: SourceOf }> => {
  const esbuild = await findEsbuild(dirname(file))
  if (esbuild === undefined) {
    throw new Error(
      "reading TypeScript needs esbuild, which comes with vitest: npm install -D vitest, or write ktstr.config.mjs"
    )
  }
  const { outputFiles } = await esbuild.build({
    entryPoints: [file],
    bundle: true,
    plugins: [packagesInPlace, sourceMeta],
    platform: "node",
    // As Node resolves: no `module`, which only bundlers know.
    conditions: [...ownConditions()],
    mainFields: ["main"],
    format: "esm",
    target: "node20",
    write: false,
    outfile: `${file}.mjs`,
    sourcemap: "external",
    sourcesContent: false,
    logLevel: "silent"
  })
  const [map, code] = outputFiles[0]!.path.endsWith(".map") ? outputFiles : outputFiles.toReversed()
  const places = new SourceMap(JSON.parse(map!.text))
  return {
    contents: code!.contents,
    sourceOf: (line, column) => {
      const found = places.findEntry(line - 1, column - 1)
      if (!("originalSource" in found) || found.originalSource === undefined) return undefined
      return `${resolve(dirname(file), found.originalSource)}:${found.originalLine + 1}:${found.originalColumn + 1}`
    }
  }
}

/**
 * Fails with what esbuild finds wrong in a file of the user's, or in one that it imports by a relative path; runs neither. Succeeds if there is no
 * esbuild.
 *
 * @since 0.2.0
 * @category checks
 */
export const checkSyntax = <E>(file: string, failed: (cause: unknown) => E): Effect.Effect<void, E> =>
  Effect.tryPromise({
    catch: failed,
    try: async () => {
      if ((await findEsbuild(dirname(file))) !== undefined) await bundled(realpathSync(file))
    }
  })

/** Makes a folder that only this user can read. It is removed when the process ends, or by `ktstr cleanup` after a SIGKILL. */
const privateFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), `${ownPrefix()}config-`)))
    const remove = () => rmSync(folder, { recursive: true, force: true })
    process.once("exit", remove)
    return { folder, remove }
  }),
  ({ remove }) =>
    Effect.sync(() => {
      process.off("exit", remove)
      remove()
    })
)

/**
 * Returns the module of a TypeScript file. Its imports and `import.meta` are resolved relative to the file; nothing is written there. `failed` makes
 * the error for an exception of the file, or of reading it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const importTypeScript = <E>(file: string, failed: (cause: unknown) => E): Effect.Effect<unknown, E> =>
  Effect.gen(function* () {
    const attempt = <A>(what: () => Promise<A>) => Effect.tryPromise({ try: what, catch: failed })
    const source = yield* attempt(async () => realpathSync(file))
    const { contents, sourceOf } = yield* attempt(() => bundled(source))
    const { folder } = yield* privateFolder
    const bundle = join(folder, `${basename(file)}.mjs`)
    const address = pathToFileURL(bundle).href
    // Its code may throw long after it was loaded.
    describeSources(bundle, sourceOf)
    yield* attempt(async () => writeFileSync(bundle, contents, { mode: 0o600, flag: "wx" }))
    return yield* attempt(() =>
      import(/* @vite-ignore */ address).catch((cause: unknown) => {
        // Node looked from the bundle for a module that it can't find.
        if (cause instanceof Error) cause.message = cause.message.replaceAll(address, file).replaceAll(bundle, file)
        throw cause
      })
    )
  }).pipe(Effect.scoped)
