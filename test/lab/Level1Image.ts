// The initramfs of level 1: busybox, the modules, PID 1's script. Same inputs give the same file.
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import { type CpioEntry, encodeCpio } from "@ktstr/core/image"
import type { Level1Kernel } from "./Level1Kernel.ts"

/** This repository, also when this module is bundled. */
export const repository: string = join(
  dirname(createRequire(import.meta.url).resolve("@ktstr/test/package.json")),
  ".."
)

const level1 = join(repository, "test/lab/level1")

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Whether level 1 mounts its own tmpfs over this path. */
const isCovered = (path: string): boolean => /^\/(tmp|run)(\/|$)/.test(path)

const program = async (path: string, from: string): Promise<CpioEntry> => ({
  _tag: "File",
  path,
  permissions: 0o755,
  data: await readFile(from)
})

/** busybox must be static: there is no library beside it. */
const busyboxPaths = ["/bin/busybox", "/usr/bin/busybox"]

/** Builds the initramfs. `show`: directories below /tmp or /run that level 1 shall see. */
export const level1Initramfs = async (kernel: Level1Kernel, show: ReadonlyArray<string>): Promise<Uint8Array> => {
  const busybox = busyboxPaths.find(existsSync)
  if (busybox === undefined) throw new Error("no busybox: run: apt-get install busybox-static")
  // Commands there find the kernels that are cached here: <cache>/lab/<release>/vmlinux is the one level 1 itself runs.
  const cache = dirname(dirname(dirname(kernel.vmlinux)))
  const wanted = [repository, dirname(process.execPath), cache, ...show]
  const shown = [...new Set(wanted.filter(isCovered))]
  const blank = shown.find((path) => /[\s,:\\]/.test(path))
  if (blank !== undefined)
    throw new Error(`'${blank}' cannot be shown in level 1: its path has blanks, commas or colons`)
  const environment = [
    `LAB_NODE=${quoted(process.execPath)}`,
    `LAB_SERVER=${quoted(join(level1, "server.mjs"))}`,
    `LAB_SHOW=${quoted(shown.join(" "))}`,
    `LAB_HOME=${quoted(process.env.HOME || "/root")}`
  ]
  return encodeCpio([
    { _tag: "Directory", path: "bin", permissions: 0o755 },
    { _tag: "Directory", path: "modules", permissions: 0o755 },
    await program("bin/busybox", busybox),
    await program("init", join(level1, "init.sh")),
    ...(await Promise.all(kernel.modules.map((file) => program(`modules/${basename(file)}`, file)))),
    { _tag: "File", path: "lab.env", permissions: 0o644, data: Buffer.from(`${environment.join("\n")}\n`) }
  ])
}
