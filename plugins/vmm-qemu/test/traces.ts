// What a machine may leave behind: processes, open files, named files.
import * as fs from "node:fs"
import { tmpdir } from "node:os"

const read = (path: string): string => {
  try {
    return fs.readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** Ids of the qemu processes (and those about to become one) that `parent` started and that still run. */
export const machinesOf = (parent: number): ReadonlyArray<number> =>
  fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      // proc(5): pid (comm) state ppid …
      const found = /^\d+ \((.*)\) (\S) (\d+) /s.exec(read(`/proc/${pid}/stat`))
      return (
        found !== null && /^(?:qemu|setpriv|sh$)/.test(found[1]!) && found[2] !== "Z" && Number(found[3]) === parent
      )
    })
    .map(Number)

export const isAlive = (pid: number): boolean => {
  const state = /^\d+ \(.*\) (\S)/s.exec(read(`/proc/${pid}/stat`))?.[1]
  return state !== undefined && state !== "Z"
}

/** Files named after `pid` where machines keep theirs. */
export const namedFilesOf = (pid: number): ReadonlyArray<string> =>
  ["/dev/shm", tmpdir()].flatMap((directory) =>
    fs
      .readdirSync(directory)
      .filter((name) => name.startsWith(`ktstr-${pid}-`))
      .map((name) => `${directory}/${name}`)
  )

/** Memory files this process holds open. */
export const openMemoryFiles = (): ReadonlyArray<string> =>
  fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = fs.readlinkSync(`/proc/self/fd/${fd}`)
      return target.startsWith("/dev/shm/ktstr-") ? [target] : []
    } catch {
      return []
    }
  })

/** All of this process, empty when nothing is left. */
export const traces = (): ReadonlyArray<string> => [
  ...machinesOf(process.pid).map((pid) => `process ${pid}`),
  ...namedFilesOf(process.pid),
  ...openMemoryFiles()
]
