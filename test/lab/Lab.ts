// What tests of a usable KVM run their commands in: level 1 of the lab, or this machine where its own KVM is usable.
import { spawn } from "node:child_process"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { probeKvm } from "@ktstr/native"
import { Effect } from "effect"
import { afterAll, beforeAll } from "vitest"
import {
  commandEnvironment,
  type Level1Options,
  type RunOptions,
  type RunResult,
  shellCode,
  startLevel1
} from "./Level1.ts"
import { repository } from "./Level1Image.ts"

export type InLab = (args: ReadonlyArray<string>, options?: RunOptions) => Promise<RunResult>

let verdict: Promise<boolean> | undefined

/** Whether this machine's own KVM runs guests at a usable speed, by the pre-flight. Asked once a process. */
export const hasUsableKvm = (): Promise<boolean> => {
  verdict ??= Effect.runPromise(
    probeKvm(join(repository, "native/probe/build/kvm-probe")).pipe(
      Effect.map((found) => found.verdict === "usable"),
      Effect.provide(NodeContext.layer)
    )
  )
  return verdict
}

/** Runs a command on this machine as level 1 would. */
export const runDirectly: InLab = ([program = "", ...args], options = {}) =>
  new Promise((resolve) => {
    const kept = { stdout: [] as Array<Buffer>, stderr: [] as Array<Buffer> }
    const child = spawn(program, args, {
      cwd: options.cwd ?? repository,
      env: commandEnvironment(options.env),
      detached: true,
      stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"]
    })
    const signal = (name: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name)
      } catch {
        // It has just ended.
      }
    }
    let timedOut = false
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true
            signal("SIGKILL")
          }, options.timeoutMs)
    const output = (stream: "stdout" | "stderr", data: Buffer): void => {
      if (options.discard !== true) kept[stream].push(data)
      options.onOutput?.(stream, data)
    }
    const end = (code: number): void => {
      clearTimeout(timer)
      const text = (stream: "stdout" | "stderr") => Buffer.concat(kept[stream]).toString()
      resolve({ code, stdout: text("stdout"), stderr: text("stderr"), timedOut })
    }
    child.stdin?.on("error", () => {})
    child.stdin?.end(options.stdin)
    child.stdout?.on("data", (data: Buffer) => output("stdout", data))
    child.stderr?.on("data", (data: Buffer) => output("stderr", data))
    child.on("error", (error: NodeJS.ErrnoException) => {
      output("stderr", Buffer.from(`lab: ${program}: ${error.message}\n`))
      end(error.code === "ENOENT" ? 127 : 126)
    })
    child.on("close", (code, name) => end(shellCode(code, name)))
    options.onStart?.(signal)
  })

/**
 * For a test file: one machine for all its tests, started before the first and stopped after the last. Where this machine's own KVM
 * is usable, commands run here directly.
 */
export const useLab = (options: Level1Options = {}): InLab => {
  let run: InLab | undefined
  let stop = async (): Promise<void> => {}
  beforeAll(async () => {
    if (await hasUsableKvm()) {
      run = runDirectly
      return
    }
    const level1 = await startLevel1(options)
    run = level1.run
    stop = level1.stop
  }, 600_000)
  afterAll(() => stop())
  return (args, how) =>
    run?.(args, how) ?? Promise.reject(new Error("inLab is for tests: the machine starts before them"))
}
