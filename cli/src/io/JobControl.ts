/**
 * Finds out whether the shell's job control lets this process use the terminal.
 *
 * @since 0.2.0
 */
import { closeSync, fstatSync, readFileSync } from "node:fs"
import { isatty } from "node:tty"

/**
 * Parses the job-control fields of `/proc/PID/stat` (proc(5)). They follow the process name, which may contain blanks and brackets.
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

/**
 * Compares the terminal's device number with `tty_nr`. The kernel encodes it by new_encode_dev and glibc in its own way; both agree below 4096 majors
 * and 256 minors.
 */
const isControlling = (fd: number, terminal: number): boolean => {
  try {
    return fstatSync(fd).rdev === terminal
  } catch {
    return false
  }
}

/**
 * Returns whether reading from the terminal at `fd`, or changing its modes, would stop this process. Only the controlling terminal does that. Returns
 * false without /proc.
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
 * Closes terminals at exit if they hung up or belong to another job. Node restores their modes at exit: on a closed terminal that aborts
 * (SIGABRT, 134), and in the background it changes the modes of the shell in the foreground.
 *
 * @since 0.2.0
 * @category resources
 */
export const releaseTerminalsAtExit = (): void => {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd))
  if (terminals.length === 0) return
  process.on("exit", () => {
    for (const fd of terminals) {
      // A terminal that hung up no longer counts as one.
      if (isatty(fd) && !inBackground(fd)) continue
      try {
        closeSync(fd)
      } catch {
        // It is already closed.
      }
    }
  })
}
