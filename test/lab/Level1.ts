// Level 1: a machine under qemu's emulation of AMD's SVM with nested paging, in which the real kvm_amd works. It shows this
// machine's files (writes go to its memory) and runs commands for the host.
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { constants, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Duplex } from "node:stream"
import { level1Initramfs, repository } from "./Level1Image.ts"
import { level1Kernel } from "./Level1Kernel.ts"

export interface Level1Options {
  /** Default 4096; taken from this machine only as it is touched. */
  readonly memoryMb?: number
  /**
   * Default 1. More are run by the same thread of this machine, so they gain nothing, and guests of level 1 then hang (3 of 4 boots, none
   * of 12 with one CPU): the stack of a guest with one vCPU showed an interrupt taken inside handle_edge_irq, interrupts disabled, waiting
   * for the lock that its own interrupted handler holds. Probably qemu 7.2 delivers an injected interrupt again when it makes a CPU leave
   * its loop to change over to the next one, which a machine with one CPU never does.
   */
  readonly cpus?: number
  /** Directories below /tmp or /run of this machine that level 1 shall see; it has its own, empty /tmp and /run otherwise. */
  readonly show?: ReadonlyArray<string>
  /** Gets the kernel's log as it comes. */
  readonly onConsole?: (text: string) => void
}

export interface RunOptions {
  /** Default: this repository. */
  readonly cwd?: string
  /** Added to the variables passed on; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Default: /dev/null. */
  readonly stdin?: string | Uint8Array
  /** After so many milliseconds the command's process group is killed and the result says so. Default: never. */
  readonly timeoutMs?: number
  /** Output as it comes, besides the result's. */
  readonly onOutput?: (stream: "stdout" | "stderr", data: Buffer) => void
  /** Leave the output out of the result. */
  readonly discard?: boolean
  /** Signals to pass on to the command's process group: call the function given with each. */
  readonly onStart?: (signal: (name: NodeJS.Signals) => void) => void
}

export interface RunResult {
  /** As in a shell: 128 + n after signal n, 127 if there is no such program. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly timedOut: boolean
}

export interface Level1 {
  readonly run: (args: ReadonlyArray<string>, options?: RunOptions) => Promise<RunResult>
  /** Kills the machine and waits until it is gone. */
  readonly stop: () => Promise<void>
  /** Milliseconds from qemu's start until commands could run. */
  readonly startMs: number
  /** Process id of qemu. */
  readonly pid: number
}

const readyMs = 180_000
/** How long a killed command may take to end before the machine is held to be stuck. */
const patienceMs = 20_000
const consoleKept = 64 * 1024

/** What of this process's environment means something there. */
const passedOn =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_.*|TERM|COLORTERM|TZ|NO_COLOR|FORCE_COLOR|XDG_CACHE_HOME|KTSTR_.*)$/

/** The environment of a command in level 1, or of the same command run directly. */
export const commandEnvironment = (changes: RunOptions["env"] = {}): Record<string, string> => {
  const path = `${join(repository, "node_modules/.bin")}:${process.env.PATH ?? "/usr/sbin:/usr/bin:/sbin:/bin"}`
  const all = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => passedOn.test(name))),
    PATH: path,
    ...changes
  }
  return Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

/** A shell's exit code. */
export const shellCode = (code: number | null, signal: string | null): number =>
  code ?? 128 + (constants.signals[signal as NodeJS.Signals] ?? 0)

type FromLevel1 =
  | { readonly id: number; readonly stream: "stdout" | "stderr"; readonly data: string }
  | { readonly id: number; readonly code: number | null; readonly signal: string | null }
  | { readonly id: number; readonly error: string; readonly missing: boolean }
  | { readonly ready: number }

interface Running {
  readonly output: (stream: "stdout" | "stderr", data: Buffer) => void
  readonly end: (code: number, error?: string) => void
  readonly fail: (error: Error) => void
}

/** qemu inherits these: the command port, the kernel's console, the initramfs. */
const fds = { port: 3, console: 4, initrd: 5 } as const

const qemuArguments = (vmlinux: string, memoryMb: number, cpus: number): ReadonlyArray<string> => [
  ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
  ...["-M", "q35"],
  // Threaded emulation has crashed kernels while they patched their code.
  ...["-accel", "tcg,thread=single"],
  // Without XSAVE, and so without AVX: the emulated SVM and XSAVE disagree, and user space of guests that have it dies in sigreturn. The
  // rest is what the emulator lacks and would warn of.
  ...[
    "-cpu",
    "EPYC,+svm,+npt,-avx,-avx2,-f16c,-fma,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsave,-xsavec,-xsaveopt,-xgetbv1"
  ],
  ...["-smp", `${cpus}`, "-m", `${memoryMb}`],
  ...["-kernel", vmlinux, "-initrd", `/proc/self/fd/${fds.initrd}`],
  ...[
    "-append",
    `console=ttyS0 loglevel=5 panic=-1 oops=panic mitigations=off nokaslr rodata=off tsc=reliable no_timer_check cryptomgr.notests`
  ],
  ...["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"],
  ...["-chardev", `socket,id=port,fd=${fds.port}`, "-chardev", `socket,id=console,fd=${fds.console}`],
  ...["-serial", "chardev:console"],
  ...["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=port,nr=1"]
]

/** Opens a nameless file with these bytes. */
const namelessFile = (bytes: Uint8Array): number => {
  const directory = mkdtempSync(join(tmpdir(), "ktstr-lab-"))
  try {
    const path = join(directory, "initramfs")
    writeFileSync(path, bytes)
    return openSync(path, "r")
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const spawnQemu = (args: ReadonlyArray<string>, initrd: number): ChildProcess =>
  // The kernel kills qemu when this process dies, however that happens; in its own session, qemu gets no ^C from a terminal.
  spawn("setpriv", ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe", initrd],
    detached: true
  })

/** Boots level 1 and resolves when it takes commands. Fetches its kernel the first time. */
export const startLevel1 = async (options: Level1Options = {}): Promise<Level1> => {
  const kernel = await level1Kernel()
  const initramfs = await level1Initramfs(kernel, options.show ?? [])
  const began = Date.now()
  const initrd = namelessFile(initramfs)
  const qemu = spawnQemu(qemuArguments(kernel.vmlinux, options.memoryMb ?? 4096, options.cpus ?? 1), initrd)
  closeSync(initrd)

  let stderr = ""
  let log = ""
  qemu.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-consoleKept)
  })
  const port = qemu.stdio[fds.port] as Duplex
  const serial = qemu.stdio[fds.console] as Duplex
  serial.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-consoleKept)
    options.onConsole?.(text)
  })
  // If the peer dies during a write, qemu's end reports it.
  for (const stream of [port, serial]) stream.on("error", () => {})

  const running = new Map<number, Running>()
  let ended: Error | undefined
  const whyEnded = (what: string): Error => {
    const tail = [...stderr.split("\n"), ...log.split(/\r?\n/)].filter((line) => line.trim() !== "").slice(-20)
    return new Error(`${what}; its last lines:\n${tail.join("\n")}`)
  }
  const gone = new Promise<void>((resolve) => {
    const end = (error: Error) => {
      ended = error
      for (const command of running.values()) command.fail(error)
      running.clear()
      resolve()
    }
    qemu.once("error", (error) => end(new Error(`qemu cannot be started: ${error.message}; run: npm run setup`)))
    // "close": the console is then read to its end.
    qemu.once("close", (code, signal) => end(whyEnded(`level 1 ended (qemu: ${signal ?? code})`)))
  })
  const stop = async (): Promise<void> => {
    qemu.kill("SIGKILL")
    await gone
  }

  const ready = new Promise<void>((resolve) => {
    createInterface({ input: port }).on("line", (line) => {
      const message = JSON.parse(line) as FromLevel1
      if ("ready" in message) return resolve()
      const command = running.get(message.id)
      if (command === undefined) return
      if ("stream" in message) return command.output(message.stream, Buffer.from(message.data, "base64"))
      running.delete(message.id)
      if ("error" in message) command.end(message.missing ? 127 : 126, message.error)
      else command.end(shellCode(message.code, message.signal))
    })
  })
  const timer = setTimeout(() => {
    stderr += `not ready after ${readyMs / 1000} s\n`
    qemu.kill("SIGKILL")
  }, readyMs)
  await Promise.race([ready, gone])
  clearTimeout(timer)
  if (ended !== undefined) throw ended

  const send = (message: object): void => {
    port.write(`${JSON.stringify(message)}\n`)
  }
  let count = 0
  const run = (args: ReadonlyArray<string>, how: RunOptions = {}): Promise<RunResult> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(ended)
      const id = ++count
      const kept = { stdout: [] as Array<Buffer>, stderr: [] as Array<Buffer> }
      const output = (stream: "stdout" | "stderr", data: Buffer): void => {
        if (how.discard !== true) kept[stream].push(data)
        how.onOutput?.(stream, data)
      }
      let timedOut = false
      const timers: Array<NodeJS.Timeout> = []
      const settle = (): void => {
        for (const timer of timers) clearTimeout(timer)
      }
      if (how.timeoutMs !== undefined) {
        const kill = (): void => {
          timedOut = true
          send({ id, signal: "SIGKILL" })
        }
        timers.push(setTimeout(kill, how.timeoutMs))
        timers.push(setTimeout(() => qemu.kill("SIGKILL"), how.timeoutMs + patienceMs))
      }
      running.set(id, {
        output,
        end: (code, error) => {
          settle()
          if (error !== undefined) output("stderr", Buffer.from(`lab: ${error}\n`))
          const text = (stream: "stdout" | "stderr") => Buffer.concat(kept[stream]).toString()
          resolve({ code, stdout: text("stdout"), stderr: text("stderr"), timedOut })
        },
        fail: (error) => {
          settle()
          reject(error)
        }
      })
      send({
        id,
        args,
        cwd: how.cwd ?? repository,
        env: commandEnvironment(how.env),
        stdin: how.stdin === undefined ? undefined : Buffer.from(how.stdin).toString("base64")
      })
      how.onStart?.((signal) => send({ id, signal }))
    })
  return { run, stop, startMs: Date.now() - began, pid: qemu.pid ?? 0 }
}
