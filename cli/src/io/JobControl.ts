/**
 * Whether the terminal is this process's to touch, as the shell's job control has it.
 *
 * @since 0.2.0
 */
import { closeSync, fstatSync, readFileSync } from "node:fs"
import { isatty } from "node:tty"

/**
 * Fields of `/proc/PID/stat` (proc(5)) behind the name, which may hold blanks and brackets.
 *
 * @since 0.2.0
 * @category parsing
 */
export const parseJob = (
  stat: string
): { readonly group: number; readonly terminal: number; readonly foreground: number } | undefined => {
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number)
  const [group, terminal, foreground] = [fields[2], fields[4], fields[5]]
  return group === undefined || terminal === undefined || foreground === undefined
    ? undefined
    : { group, terminal, foreground }
}

/** `tty_nr` holds a device number as the kernel's new_encode_dev puts it; Node gives that of glibc, which agrees below 4096 majors and 256 minors. */
const isControlling = (fd: number, terminal: number): boolean => {
  try {
    return fstatSync(fd).rdev === terminal
  } catch {
    return false
  }
}

/**
 * Whether reading from the terminal at `fd`, or changing its modes, would stop this process. A terminal that does not control it never does, and
 * where /proc is not there nobody knows.
 *
 * @since 0.2.0
 * @category accessors
 */
export const inBackground = (fd = 0): boolean => {
  try {
    const job = parseJob(readFileSync("/proc/self/stat", "latin1"))
    return job !== undefined && job.foreground > 0 && job.group !== job.foreground && isControlling(fd, job.terminal)
  } catch {
    return false
  }
}

/**
 * Lets go of terminals before the process ends, where they are gone or another job's: at its end Node puts back the modes they had at the start, which aborts on a terminal
 * that was closed (SIGABRT, 134), and takes the modes from under the shell that runs in the foreground.
 *
 * @since 0.2.0
 * @category resources
 */
export const releaseTerminalsAtExit = (): void => {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd))
  if (terminals.length === 0) return
  process.on("exit", () => {
    for (const fd of terminals) {
      // A terminal that hung up is none any more.
      if (isatty(fd) && !inBackground(fd)) continue
      try {
        closeSync(fd)
      } catch {
        // It was closed before.
      }
    }
  })
}
