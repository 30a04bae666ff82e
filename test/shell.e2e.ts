import { describe, expect, it } from "vitest"
import { leftovers, none } from "./ktstr.ts"
import { onTerminal } from "./pseudoTerminal.ts"

const prompt = "ktstr 1n1l2c1t:~# "
const args = ["shell", "--topology", "1n1l2c1t"]

describe("ktstr shell", () => {
  it("is a shell on this terminal, of its size and kind, that leaves it as it was", async () => {
    const terminal = onTerminal(args)
    await terminal.sees(prompt)
    terminal.types("stty size; echo $TERM; nproc\r")
    expect(await terminal.sees(prompt)).toContain("41 107\r\nxterm\r\n2\r\n")
    // Ctrl-C is for the guest's foreground process.
    terminal.types("sleep 100; echo interrupted=$?\r")
    await terminal.sees("sleep 100")
    await new Promise((resolve) => setTimeout(resolve, 500))
    terminal.types("\x03")
    await terminal.sees(prompt)
    terminal.types("exit 7\r")
    const { after, before, code } = await terminal.ended
    expect(code).toBe(7)
    expect(before).toContain("rows 41; columns 107")
    expect(after).toBe(before)
    expect(await leftovers()).toEqual(none)
  })

  it("gives the terminal back when it is terminated", async () => {
    const terminal = onTerminal(args)
    await terminal.sees(prompt)
    terminal.signal("SIGTERM")
    const { after, before, code } = await terminal.ended
    expect(code).toBe(143)
    expect(after).toBe(before)
    expect(await leftovers()).toEqual(none)
  })

  it("gives the terminal back when the guest dies", async () => {
    const terminal = onTerminal(args)
    await terminal.sees(prompt)
    terminal.types("echo c > /proc/sysrq-trigger\r")
    await terminal.sees("ktstr: the guest kernel panicked")
    const { after, before, code } = await terminal.ended
    expect(code).toBe(1)
    expect(after).toBe(before)
  })

  it("kills a guest that does not answer by Ctrl-] q", async () => {
    const terminal = onTerminal(args)
    await terminal.sees(prompt)
    // No process reads the typed text any more.
    terminal.types("kill -STOP $$\r")
    await new Promise((resolve) => setTimeout(resolve, 500))
    terminal.types(`${"unread ".repeat(5000)}\x1dq`)
    await terminal.sees("the guest was killed by Ctrl-] q")
    const { after, before, code } = await terminal.ended
    expect(code).toBe(130)
    expect(after).toBe(before)
    expect(await leftovers()).toEqual(none)
  })

  it("runs a command on the terminal when both its ends are one", async () => {
    const terminal = onTerminal(["exec", "tty; stty size; read line; echo got $line"])
    await terminal.sees("/dev/pts/0\r\n41 107\r\n")
    terminal.types("words\r")
    await terminal.sees("got words\r\n")
    expect((await terminal.ended).code).toBe(0)
  })

  it("follows the size of the terminal", async () => {
    const terminal = onTerminal(["exec", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.2; done"])
    await terminal.sees("ready")
    terminal.resizes(50, 132)
    await terminal.sees("50 132\r\n")
    terminal.types("\x03")
    expect((await terminal.ended).code).toBe(130)
  })
})
