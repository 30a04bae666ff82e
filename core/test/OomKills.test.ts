import { describe, expect, it } from "vitest"
import { quoteOomKills } from "../src/run/oomKills.ts"

const told =
  "Memory cgroup out of memory: Killed process 77 (stress-ng-vm) total-vm:900kB, anon-rss:100kB, UID:0 oom_score_adj:0"
const ofWorker = "Out of memory: Killed process 91 (ktstr-agent) total-vm:80kB"
const lines = ["[    2.1] booted", `[    3.141592] ${told}`, `[    4.5] ${ofWorker}`]

describe("quoteOomKills", () => {
  it("puts the kernel's line behind the death that it tells of", () => {
    const payload = "payload stress-ng-vm in a died of signal 9 (SIGKILL)"
    const worker = "cgroup 'a' worker 0 (SpinWait, tid 91) was killed by signal 9 (SIGKILL) after 5ms"
    expect(quoteOomKills([payload, worker], lines)).toEqual([
      `${payload}; the kernel's log: ${told}`,
      `${worker}; the kernel's log: ${ofWorker}`
    ])
    const scheduler = "the scheduler ended; its process died of signal 9"
    expect(quoteOomKills([scheduler], lines.slice(0, 2))).toEqual([`${scheduler}; the kernel's log: ${told}`])
  })

  it("quotes nothing for other deaths, other processes and other signals", () => {
    const other = [
      "payload p died of signal 11 (SIGSEGV)",
      "worker 1 (SpinWait, tid 5) was killed by signal 9",
      "unfair"
    ]
    expect(quoteOomKills(other, lines)).toEqual(other)
    const unknown = ["payload p died of signal 9 (SIGKILL)"]
    expect(quoteOomKills(unknown, lines)).toEqual(unknown)
    expect(quoteOomKills(unknown, [])).toEqual(unknown)
  })
})
