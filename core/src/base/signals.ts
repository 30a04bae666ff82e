/** Names of the signals that end programs, by number (signal(7), x86). */
const names: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  31: "SIGSYS"
}

/** Returns a signal's number and name, e.g. `11 (SIGSEGV)`; `?` for null. */
export const signalText = (signal: number | null): string => {
  const name = signal === null ? undefined : names[signal]
  return `${signal ?? "?"}${name === undefined ? "" : ` (${name})`}`
}
