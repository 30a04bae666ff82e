/**
 * How the names of this process's files begin.
 *
 * @since 0.1.0
 */
import { readFileSync, readlinkSync } from "node:fs"
import { processMarkOf, temporaryPrefix } from "@ktstr/core"

/**
 * The prefix that `ktstr cleanup` knows this process's files by.
 *
 * @since 0.1.0
 * @category accessors
 */
export const ownPrefix = (): string =>
  temporaryPrefix(
    processMarkOf(
      readFileSync("/proc/self/stat", "utf8"),
      readlinkSync("/proc/self/ns/pid"),
      readFileSync("/proc/sys/kernel/random/boot_id", "utf8")
    )
  )
