/**
 * Name prefix of this process's files, for code without the FileSystem service.
 *
 * @since 0.1.0
 */
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { processMarkOf, temporaryPrefix } from "./ProcessMark.ts"

/**
 * Returns the prefix by which `ktstr cleanup` recognises this process's files.
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
 * Opens a new file for reading and writing and unlinks it at once, so that it is freed with its last descriptor, however the process dies. While it
 * briefly has a name, the name shows `purpose` and owner. Throws the operating system's error.
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
