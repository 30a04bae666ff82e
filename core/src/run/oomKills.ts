/** The kernel's message about a process killed because memory ran out (mm/oom_kill.c, `__oom_kill_process`). */
const kill = /(?:Out of memory|Memory cgroup out of memory): Killed process (\d+) \(([^)]*)\).*/

/** Matches details that mention SIGKILL, the signal of the kernel's OOM killer. */
const killed = /signal 9\b/

/** Bytes of a process's name that the kernel keeps (TASK_COMM_LEN without the NUL). */
const commLength = 15

/**
 * Adds the kernel's OOM message to details of processes that died of SIGKILL: the message that has the detail's thread ID or contains one of its
 * words, else the only message there is.
 */
export const quoteOomKills = (
  details: ReadonlyArray<string>,
  consoleLines: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const kills = consoleLines.flatMap((line) => {
    const [text, pid, name] = kill.exec(line) ?? []
    return text === undefined || pid === undefined || name === undefined ? [] : [{ text, pid, name }]
  })
  if (kills.length === 0) return details
  return details.map((detail) => {
    if (!killed.test(detail)) return detail
    const tid = /\btid (\d+)/.exec(detail)?.[1]
    const words = new Set(detail.split(/[\s,:()']+/).map((word) => (word.split("/").at(-1) ?? "").slice(0, commLength)))
    const found =
      tid !== undefined
        ? kills.find(({ pid }) => pid === tid)
        : (kills.findLast(({ name }) => words.has(name)) ?? (kills.length === 1 ? kills[0] : undefined))
    return found === undefined ? detail : `${detail}; the kernel's log: ${found.text.slice(0, 240)}`
  })
}
