/**
 * How the names of this process's files begin, for code that has no file system service at hand.
 *
 * @since 0.1.0
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { processMarkOf, temporaryPrefix } from "./ProcessMark.ts"

/**
 * The prefix by which `ktstr cleanup` knows this process's files.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ownPrefix = (): string =>
  temporaryPrefix(
    processMarkOf(
      fs.readFileSync("/proc/self/stat", "utf8"),
      fs.readlinkSync("/proc/self/ns/pid"),
      fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8")
    )
  )

/**
 * A new file, open for reading and writing, that has lost its name already: it is gone with its last descriptor, however its user dies. The
 * name of the moment between tells `purpose` and owner. Throws the operating system's error.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openNameless = (directory: string, purpose: string): number => {
  const path = `${directory}/${ownPrefix()}${purpose}-${randomBytes(6).toString("hex")}`
  const file = fs.openSync(path, "wx+", 0o600)
  fs.unlinkSync(path)
  return file
}
