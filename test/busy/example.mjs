// The example schedulers of a kernel's own source, as `npm run schedulers` builds them.
import { execFile } from "node:child_process"
import { basename, dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const builder = fileURLToPath(new URL("../schedulers/main.mjs", import.meta.url))

/** Returns the program, built if necessary, and its kernel: the named one, else the newest in the cache with sched_ext. */
export const findExample = async (name, kernel) => {
  const args = [builder, "build", ...(kernel === undefined ? [] : [kernel])]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 })
  const program = stdout.split("\n").find((path) => basename(path) === name)
  if (program === undefined) throw new Error(`npm run schedulers built no ${name}`)
  return { program, kernel: basename(dirname(program)) }
}
