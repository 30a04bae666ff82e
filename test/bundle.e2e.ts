// The bundled command: what its sources load lazily is there, with every name that they use of it. A bundler knows the names of a module at
// build time only, so those that a CommonJS module re-exports vanish behind import() without an error anywhere.
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { pathToFileURL } from "node:url"
import typescript from "typescript"
import { describe, expect, it } from "vitest"
import { commands } from "../cli/src/parse/CommandTable.ts"
import { ktstr, root } from "./ktstr.ts"

/** An import() of a literal, with the names that are taken from what it gives. */
interface LazyImport {
  readonly file: string
  readonly specifier: string
  readonly names: ReadonlyArray<string>
}

const { SyntaxKind } = typescript

/** Names of a pattern `{ a, b: c }`, or those read of a variable. */
const namesOf = (name: typescript.BindingName, source: typescript.SourceFile): ReadonlyArray<string> => {
  if (typescript.isObjectBindingPattern(name)) {
    return name.elements.map((element) => (element.propertyName ?? element.name).getText(source))
  }
  const read = new RegExp(`\\b${name.getText(source)}\\.(\\w+)`, "g")
  return [...source.text.matchAll(read)].map(([, property]) => property!)
}

/** The pattern that receives what an import() gives, out of a list of several where it is in one. */
const receiverOf = (call: typescript.Node): typescript.BindingName | undefined => {
  let index: number | undefined
  for (let child = call, node = call.parent; node !== undefined; child = node, node = node.parent) {
    if (typescript.isArrayLiteralExpression(node)) index = node.elements.indexOf(child as typescript.Expression)
    // Effect.flatMap(load(import("./Run.ts")), ({ run }) => …)
    const arrow = typescript.isCallExpression(node) && child === node.arguments[0] ? node.arguments[1] : undefined
    const received =
      arrow !== undefined && typescript.isArrowFunction(arrow)
        ? arrow.parameters[0]?.name
        : typescript.isVariableDeclaration(node)
          ? node.name
          : undefined
    if (received === undefined) continue
    if (index === undefined || !typescript.isArrayBindingPattern(received)) return received
    const element = received.elements[index]
    return element !== undefined && typescript.isBindingElement(element) ? element.name : undefined
  }
  return undefined
}

const lazyImports = (file: string): ReadonlyArray<LazyImport> => {
  const text = readFileSync(file, "utf8")
  if (!text.includes("import(")) return []
  const source = typescript.createSourceFile(file, text, typescript.ScriptTarget.Latest, true)
  const found: Array<LazyImport> = []
  const visit = (node: typescript.Node): void => {
    if (typescript.isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments
      // What is not a literal is the user's own, and loaded as it is.
      if (argument !== undefined && typescript.isStringLiteral(argument)) {
        const receiver = receiverOf(node)
        const names = receiver === undefined ? [] : namesOf(receiver, source)
        found.push({ file, specifier: argument.text, names })
      }
    }
    node.forEachChild(visit)
  }
  visit(source)
  return found
}

const sourceFolders = [
  "cli/src",
  "core/src",
  "native/lib",
  "native/machine",
  ...readdirSync(join(root, "plugins")).map((name) => `plugins/${name}/src`)
]

const imports = sourceFolders.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => lazyImports(join(root, folder, name)))
)

/** As the bundler names the chunk of a module after its file: `Run` of `Run-UB2O4VR3.js`, whatever its case; a package's may end in `.esm`. */
const chunkName = (path: string): string =>
  basename(path)
    .replace(/(\.esm)?(-[A-Z0-9]{8})?\.[jt]s$/, "")
    .toLowerCase()

describe("the bundled command", () => {
  const dist = join(root, "cli/dist")
  const chunks = new Map(
    readdirSync(dist)
      .filter((name) => /-[A-Z0-9]{8}\.js$/.test(name) && !name.startsWith("chunk-"))
      .map((name) => [chunkName(name), join(dist, name)])
  )

  it("has a chunk for every module that is loaded lazily, with every name that is used of it", () => {
    const load = `const names = {}
for (const file of process.argv.slice(1)) names[file] = Object.keys(await import(file))
console.log(JSON.stringify(names))`
    const files = [...chunks.values()].map((file) => pathToFileURL(file).href)
    const loaded = execFileSync(process.execPath, ["--input-type=module", "-e", load, ...files], { encoding: "utf8" })
    const namesIn: Readonly<Record<string, ReadonlyArray<string>>> = JSON.parse(loaded)
    const missing = imports.flatMap(({ file, names, specifier }) => {
      const chunk = chunks.get(chunkName(specifier))
      const where = `${file.slice(root.length)}: import("${specifier}")`
      if (chunk === undefined) return [`${where}: no chunk`]
      if (names.length === 0) return [`${where}: no name of it is used in a way that this test understands`]
      const has = namesIn[pathToFileURL(chunk).href] ?? []
      return names.filter((name) => !has.includes(name)).map((name) => `${where}: ${name} is not in ${basename(chunk)}`)
    })
    expect(missing).toEqual([])
    expect(imports.length).toBeGreaterThan(15)
    const used = new Set(imports.map(({ specifier }) => chunkName(specifier)))
    expect([...chunks.keys()].filter((name) => !used.has(name))).toEqual([])
  })

  it("reaches a CommonJS module through its default export", async () => {
    const { default: undici } = await import(pathToFileURL(chunks.get("undici")!).href)
    expect(undici.EnvHttpProxyAgent).toBeTypeOf("function")
  })

  it.each(Object.keys(commands))("%s --help", async (command) => {
    const { code, stderr, stdout } = await ktstr([...command.split(" "), "--help"], { deadlineMs: 20_000 })
    expect([code, stderr]).toEqual([0, ""])
    expect(stdout).toContain(`ktstr ${command}`)
  })
})
