// Commands of this checkout in a mount namespace of their own. Everyone can reach the checkout and Node there, wherever they lie.
import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync } from "node:fs"
import { dirname, join } from "node:path"
import { environment, root } from "./ktstr.ts"

/** Prefix of a command that user `nobody` runs. */
export const asNobody: ReadonlyArray<string> = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

export interface NamespaceOptions {
  /** A directory for the namespace's own files, which everyone may enter from then on. */
  readonly scratch: string
  /** Shell commands before it, one a line. `WORLD` is a private directory. */
  readonly prepare?: string
  /** What the command begins with. */
  readonly as?: ReadonlyArray<string>
}

/** Runs `script`, a path below the checkout, with Node to its end. */
export const inNamespace = (script: string, args: ReadonlyArray<string>, options: NamespaceOptions) => {
  const { as = [], prepare = "true", scratch } = options
  const world = mkdtempSync(join(scratch, "world-"))
  for (const folder of ["repository", "node", "cache", "home", "tmp"]) mkdirSync(join(world, folder))
  for (const path of [scratch, world]) chmodSync(path, 0o755)
  for (const folder of ["cache", "home", "tmp"]) chmodSync(join(world, folder), 0o777)
  const lines = [
    `mount --bind "${root}" "${world}/repository"`,
    `mount --bind "${dirname(process.execPath)}" "${world}/node"`,
    ...prepare.split("\n").map((line) => line.replaceAll("WORLD", world)),
    `cd "${world}/home"`,
    `exec ${as.join(" ")} "${world}/node/node" "${world}/repository/${script}" ${args.join(" ")}`
  ]
  const env = environment({ HOME: `${world}/home`, TMPDIR: `${world}/tmp`, KTSTR_CACHE_DIR: `${world}/cache` })
  const ended = spawnSync("unshare", ["-m", "sh", "-c", lines.join(" && ")], { env, encoding: "utf8" })
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr.trim() }
}
