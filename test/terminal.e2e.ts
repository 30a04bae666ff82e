// Actions of a terminal's user beside typing: closing the window, starting background jobs, stopping and continuing them.
import { describe, expect, it } from "vitest"
import { leftovers, none } from "./ktstr.ts"
import { inJobShell, onTerminal } from "./pseudoTerminal.ts"

/** Commands that take some time, and the text that shows they have begun. */
const closed: ReadonlyArray<readonly [args: ReadonlyArray<string>, shows: string]> = [
  [["run", "steady", "-t", "1n1l2c1t", "--duration", "60"], "of 60.0s"],
  [["exec", "echo begun; sleep 100"], "begun"],
  [["exec", "echo begun; yes"], "begun"],
  [["shell"], ":~# "],
  [["explore", "steady", "--duration", "1", "--seeds", "1..50"], "seed 1:"]
]

describe("a terminal that closes", () => {
  it.each(closed)("ends %j with 129 and leaves nothing", async (args, shows) => {
    const terminal = onTerminal(args)
    await terminal.sees(shows)
    expect(await terminal.closes()).toBe(129)
    expect(await leftovers(10_000)).toEqual(none)
  })
})

const modes = "stty -a | md5sum"
/** The modes of the terminal, as often as they were shown. */
const shownModes = (seen: string) => seen.match(/[0-9a-f]{32}/g) ?? []

describe("a job", () => {
  it("runs in the background, without the terminal", async () => {
    const seen = await inJobShell(
      `${modes}; $KTSTR exec -t 1n1l1c1t 'echo hi; cat; tty' & wait $!; echo code $?; ${modes}`
    )
    expect(seen).toMatch(/^hi\r\n(.*not a tty\r\n)?/m)
    expect(seen).toContain("code 1\r\n")
    expect(seen).not.toContain("Stopped")
    expect(new Set(shownModes(seen)).size).toBe(1)
    expect(shownModes(seen)).toHaveLength(2)
  })

  it("gives the terminal back while it is stopped, and ends in the background without touching it", async () => {
    const stop = "(sleep 6; kill -TSTP $(pgrep -P $$ -x node)) &"
    const seen = await inJobShell(
      `${modes}; ${stop} $KTSTR exec -t 1n1l1c1t 'sleep 8; echo hi'; echo stopped $?; ${modes}; bg %2; wait %2; echo code $?; ${modes}`
    )
    expect(seen).toMatch(/stopped 14[78]/)
    expect(seen).toMatch(/^hi\r?\r\n/m)
    expect(seen).toContain("code 0\r\n")
    expect(shownModes(seen)).toHaveLength(3)
    expect(new Set(shownModes(seen)).size).toBe(1)
  })

  it("takes the terminal again in the foreground", async () => {
    const stop = "(sleep 6; kill -TSTP $(pgrep -P $$ -x node)) &"
    const look = "(for n in 1 2 3 4 5 6 7 8; do sleep 1; stty -a </dev/tty | grep -oe '-icanon' && break; done) &"
    const seen = await inJobShell(
      `${modes}; ${stop} $KTSTR exec -t 1n1l1c1t 'sleep 8; echo hi'; echo stopped $?; ${modes}; ${look} fg %2; echo code $?; ${modes}`
    )
    expect(seen).toMatch(/stopped 14[78]/)
    expect(seen).toContain("-icanon")
    expect(seen).toContain("code 0\r\n")
    expect(new Set(shownModes(seen)).size).toBe(1)
  })

  it("shell waits until it is in the foreground", async () => {
    const seen = await inJobShell("$KTSTR shell & sleep 3; jobs; kill -KILL %1; wait")
    expect(seen).toMatch(/Stopped.*shell/)
    expect(seen).not.toContain("BusyBox")
  })
})
