// Holds the direction of imports: cli → plugins, native → core. Core knows no plugin, and no Node-only module outside
// image/ and guest/. Prints every offence with its line and exits 1.
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import typescript from "typescript"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** Which packages of ours a folder may import, and which folders beside it by path; `@ktstr/core` is everyone's. */
const rules = [
  { folder: "core/src", ours: [], node: ["core/src/image/", "core/src/guest/"] },
  { folder: "plugins/work-types/src", ours: ["@ktstr/core"] },
  { folder: "plugins/scenarios/src", ours: ["@ktstr/core"] },
  { folder: "plugins/schedulers/src", ours: ["@ktstr/core"] },
  { folder: "plugins/output-formats/src", ours: ["@ktstr/core"] },
  { folder: "plugins/reporters/src", ours: ["@ktstr/core"] },
  { folder: "plugins/vmm-qemu/src", ours: ["@ktstr/core"], anyNode: true },
  { folder: "plugins/kernel-sources/src", ours: ["@ktstr/core"], anyNode: true },
  {
    folder: "plugins/vitest/src",
    ours: [
      "@ktstr/core",
      "@ktstr/native",
      "@ktstr/work-types",
      "@ktstr/output-formats",
      "@ktstr/vmm-qemu",
      "@ktstr/kernel-sources",
      "@ktstr/reporters",
      "@ktstr/scenarios",
      "@ktstr/schedulers"
    ],
    anyNode: true
  },
  { folder: "native/machine", ours: ["@ktstr/core"] },
  { folder: "native/lib", ours: ["@ktstr/core"], anyNode: true, beside: ["native/machine"] },
  { folder: "cli/src", ours: [/^@ktstr\//], anyNode: true }
]

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (entry.name.endsWith(".ts")) yield path
  }
}

const offences = []
let files = 0
for (const rule of rules) {
  for (const file of sources(join(root, rule.folder))) {
    files++
    const name = relative(root, file)
    const text = readFileSync(file, "utf8")
    for (const { fileName: target, pos } of typescript.preProcessFile(text).importedFiles) {
      const line = text.slice(0, pos).split("\n").length
      const say = (why) => offences.push(`${name}:${line}: imports ${target}: ${why}`)
      if (target.startsWith("@ktstr/") || target === "ktstr") {
        const allowed = rule.ours.some((own) => (own instanceof RegExp ? own.test(target) : own === target))
        if (!allowed) say("against the direction cli → plugins, native → core")
      } else if (target.startsWith("node:")) {
        const allowed = rule.anyNode === true || (rule.node ?? []).some((folder) => name.startsWith(folder))
        if (!allowed) say("node: modules are for image/, guest/, plugins, native and cli")
      } else if (target.startsWith(".")) {
        const resolved = relative(root, join(file, "..", target))
        const inside = [rule.folder, ...(rule.beside ?? [])].some((folder) => resolved.startsWith(`${folder}/`))
        if (!inside) say("leaves its package by a relative path")
        if (!/\.(ts|json)$/.test(target)) say("needs its file extension, for Deno")
      } else if (rule.folder === "core/src" && !/^(effect|@effect\/platform)(\/|$)/.test(target)) {
        say("core depends on effect and @effect/platform only")
      }
    }
  }
}
for (const offence of offences) console.error(offence)
console.log(`imports: ${files} files, ${offences.length} offences`)
process.exit(offences.length === 0 ? 0 : 1)
