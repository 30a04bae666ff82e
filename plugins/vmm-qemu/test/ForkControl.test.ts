import { duplexPair } from "node:stream"
import { Deferred, Effect, Either } from "effect"
import { describe, expect, it } from "vitest"
import { makeForkControl } from "../src/ForkControl.ts"

/** A control with the plugin's end of its stream in the test's hands. */
const connected = () => {
  const [host, plugin] = duplexPair()
  const asked: Array<string> = []
  plugin.setEncoding("utf8").on("data", (text: string) => asked.push(...text.trimEnd().split("\n")))
  const control = makeForkControl(host)
  return { control, asked, say: (text: string) => plugin.write(text), plugin }
}

const files = { com1: 11, com2: 12, range: 13 }
const outcome = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.either(effect))
const message = <A>(found: Either.Either<A, { readonly message: string }>) =>
  Either.isLeft(found) ? found.left.message : "none"

describe("makeForkControl", () => {
  it("forks, kills and tells ends, whatever pieces the lines come in", async () => {
    const { asked, control, plugin, say } = connected()
    say("loaded\nserv")
    say("ing\n")
    await Effect.runPromise(control.serving)
    const both = Promise.all([Effect.runPromise(control.fork(files)), Effect.runPromise(control.fork(files))])
    await new Promise(setImmediate)
    const paths = [11, 12, 13].map((fd) => `/proc/${process.pid}/fd/${fd}`).join(" ")
    expect(asked).toEqual([`fork 0 ${paths}`, `fork 1 ${paths}`])
    say("forked 1 201\nforked 0 200\n")
    const [first, second] = await both
    expect([first.pid, second.pid]).toEqual([200, 201])
    await Effect.runPromise(first.kill)
    say("ended 0 signal 9\nended 1 code 22\n")
    expect(await Effect.runPromise(Deferred.await(first.end))).toEqual({ code: null, signal: "9" })
    expect(await Effect.runPromise(Deferred.await(second.end))).toEqual({ code: 22, signal: null })
    // A number that may be another process's by now is not killed.
    await Effect.runPromise(second.kill)
    await new Promise(setImmediate)
    expect(asked.slice(2)).toEqual(["kill 0"])
    plugin.destroy()
  })

  it("fails a fork that the plugin could not make, and goes on", async () => {
    const { control, say } = connected()
    const failed = outcome(control.fork(files))
    say("failed 0 Cannot allocate memory\n")
    expect(message(await failed)).toBe("the machine can't be forked: Cannot allocate memory")
    const next = outcome(control.fork(files))
    say("forked 1 7\n")
    expect(Either.isRight(await next)).toBe(true)
  })

  it.each([
    ["ended before the fork point\n", "the machine ended before the fork point", "BootFailed"],
    [
      "refused the shared range: Invalid argument\n",
      "ktstr's plugin refused this machine: the shared range",
      "BackendMissing"
    ],
    ["nonsense\n", "ktstr's plugin said 'nonsense'", "BackendMissing"],
    [`${"x".repeat(5000)}`, "ktstr's plugin said a line without an end", "BackendMissing"]
  ])("gives up when it hears %.20j", async (line, expected, reason) => {
    const { control, say } = connected()
    say(line)
    const found = await outcome(control.serving)
    expect(message(found)).toContain(expected)
    expect(Either.isLeft(found) && found.left.reason).toBe(reason)
    expect(message(await outcome(control.fork(files)))).toContain(expected)
  })

  it("ends everything with the plugin", async () => {
    const { control, plugin, say } = connected()
    say("serving\n")
    await Effect.runPromise(control.serving)
    const waiting = outcome(control.fork(files))
    const going = Effect.runPromise(control.fork(files))
    say("forked 1 7\n")
    const child = await going
    plugin.end()
    expect(message(await waiting)).toContain("has ended")
    expect(await Effect.runPromise(Deferred.await(child.end))).toEqual({ code: null, signal: "SIGKILL" })
  })
})
