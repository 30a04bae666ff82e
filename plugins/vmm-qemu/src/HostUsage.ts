/**
 * Memory that a machine uses on the host besides its guest memory.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"

/**
 * Returns the resident bytes of a process without shared memory, from the text of `/proc/PID/status` (proc(5): RssAnon + RssFile; guest
 * memory is RssShmem). Undefined when the fields are missing, as for a zombie.
 *
 * @since 0.1.0
 * @category parsing
 */
export const residentBytes = (status: string): number | undefined => {
  const field = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]
    return found === undefined ? undefined : Number(found) * 1024
  }
  const anonymous = field("RssAnon")
  const file = field("RssFile")
  return anonymous === undefined || file === undefined ? undefined : anonymous + file
}

/**
 * Follows the resident memory of a process: `sample` reads it now and returns the last known value and the peak of all samples.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeHostUsage = (
  pid: number
): { readonly sample: () => { readonly residentBytes: number; readonly peakResidentBytes: number } } => {
  let last = 0
  let peak = 0
  return {
    sample: () => {
      try {
        last = residentBytes(fs.readFileSync(`/proc/${pid}/status`, "utf8")) ?? last
      } catch {
        // The process has ended: the last sample counts.
      }
      peak = Math.max(peak, last)
      return { residentBytes: last, peakResidentBytes: peak }
    }
  }
}
