/**
 * Boots the agent on a real kernel under qemu's emulation and collects what it says. Used by boot.ts; the product's own
 * way to a machine is the `Vmm` service.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"
import type { AgentEvent } from "../../../core/src/protocol/AgentEvent.ts"
import { type Command, encodeCommand, encodePlan } from "../../../core/src/protocol/Command.ts"
import { makeTransport } from "../../../core/src/session/Transport.ts"

export interface GuestOptions {
  readonly plan?: ReadonlyArray<Command>
  /** Raw bytes instead of a plan of commands. */
  readonly rawPlan?: Uint8Array
  readonly cmdline?: ReadonlyArray<string>
  readonly ring?: boolean
  readonly ringSize?: number
  /** False: the host never looks into the ring. */
  readonly readRing?: boolean
  /** False: `machine` brings the memory. */
  readonly memoryBackends?: boolean
  readonly smp?: string
  readonly machine?: ReadonlyArray<string>
  readonly files?: Readonly<Record<string, Uint8Array>>
  readonly timeoutMs?: number
  /** Called for each event; sends live commands. */
  readonly onEvent?: (event: AgentEvent, send: (command: Command) => void, raw: (bytes: Uint8Array) => void) => void
}

export interface GuestRun {
  readonly events: ReadonlyArray<AgentEvent>
  readonly error: string | undefined
  readonly console: string
  readonly wallMs: number
  readonly timedOut: boolean
}

/** A newc archive of executables and data; directories are made from the paths. */
const cpio = (files: Readonly<Record<string, Uint8Array>>): Buffer => {
  const parts: Array<Buffer> = []
  const entry = (name: string, mode: number, data: Uint8Array): void => {
    const fields = [0, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0]
    const head = Buffer.from(`070701${fields.map((f) => f.toString(16).padStart(8, "0")).join("")}${name}\0`)
    const pad = (length: number): Buffer => Buffer.alloc((4 - (length % 4)) % 4)
    parts.push(head, pad(head.length), Buffer.from(data), pad(data.length))
  }
  const directories = new Set<string>(["dev", "proc", "sys", "tmp", "run"])
  for (const path of Object.keys(files)) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) directories.add(path.slice(0, at))
  }
  for (const directory of directories) entry(directory, 0o040755, new Uint8Array())
  for (const [path, data] of Object.entries(files)) entry(path, 0o100755, data)
  entry("TRAILER!!!", 0, new Uint8Array())
  return Buffer.concat(parts)
}

const required = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`Set ${name} (see native/agent/test/boot.ts)`)
  return value
}

export const runGuest = async (options: GuestOptions): Promise<GuestRun> => {
  const ringPlace = { address: 0x0800_0000, size: options.ringSize ?? 16 * 1024 * 1024 }
  const directory = mkdtempSync("/dev/shm/agent-boot-")
  const memoryMb = 1024
  const memoryFile = join(directory, "ram")
  const socketPath = join(directory, "com2")
  const initrd = join(directory, "initrd")
  const plan = options.rawPlan ?? encodePlan(options.plan ?? [])
  writeFileSync(
    initrd,
    cpio({ init: readFileSync(required("KTSTR_AGENT")), "ktstr/plan": plan, ...(options.files ?? {}) })
  )
  const cmdline = [
    "console=ttyS0",
    "panic=-1",
    "tsc=reliable",
    ...(options.ring === true
      ? [
          `memmap=0x${ringPlace.size.toString(16)}$0x${ringPlace.address.toString(16)}`,
          `ktstr.ring=0x${ringPlace.address.toString(16)},0x${ringPlace.size.toString(16)}`
        ]
      : []),
    ...(options.cmdline ?? [])
  ]
  const events: Array<AgentEvent> = []
  let error: string | undefined
  let consoleText = ""
  let timedOut = false
  const begun = Date.now()
  let ram: number | undefined
  const memory = {
    size: memoryMb * 1024 * 1024,
    read: (address: number, length: number) => {
      ram ??= openSync(memoryFile, "r+")
      const bytes = new Uint8Array(length)
      readSync(ram, bytes, 0, length, address)
      return bytes
    },
    write: (address: number, bytes: Uint8Array) => {
      ram ??= openSync(memoryFile, "r+")
      writeSync(ram, bytes, 0, bytes.length, address)
    }
  }
  const transport = makeTransport(memory, options.ring === true ? ringPlace : undefined)
  let seq = 0
  const server = createServer((socket: Socket) => {
    const send = (command: Command): void => {
      socket.write(encodeCommand(command, seq++))
    }
    socket.on("data", (chunk) => {
      if (options.readRing === false && events.length > 0) return
      const got = transport.receive(new Uint8Array(chunk))
      for (const event of got.events) {
        events.push(event)
        options.onEvent?.(event, send, (bytes) => socket.write(bytes))
      }
      error ??= got.error?.message
    })
    socket.on("error", () => {})
  })
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const qemu: ChildProcess = spawn(
    process.env.KTSTR_QEMU ?? "qemu-system-x86_64",
    [
      ...["-accel", "tcg,thread=single", "-cpu", "max", "-m", `${memoryMb}`],
      ...(options.memoryBackends === false
        ? ["-M", "q35"]
        : [
            ...["-M", "q35,memory-backend=ram"],
            ...["-object", `memory-backend-file,id=ram,size=${memoryMb}M,mem-path=${memoryFile},share=on`]
          ]),
      ...["-smp", options.smp ?? "4", "-display", "none", "-no-reboot", "-nodefaults"],
      ...["-serial", "stdio", "-chardev", `socket,id=com2,path=${socketPath}`, "-serial", "chardev:com2"],
      ...["-kernel", required("KTSTR_VMLINUX"), "-initrd", initrd, "-append", cmdline.join(" ")],
      ...(options.machine ?? [])
    ],
    { stdio: ["ignore", "pipe", "pipe"] }
  )
  qemu.stdout?.on("data", (chunk) => {
    consoleText += chunk
  })
  qemu.stderr?.on("data", (chunk) => {
    consoleText += chunk
  })
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      timedOut = true
      qemu.kill("SIGKILL")
    }, options.timeoutMs ?? 60_000)
    qemu.on("exit", () => {
      clearTimeout(timer)
      setTimeout(resolve, 50)
    })
  })
  server.close()
  error ??= transport.end()?.message
  if (ram !== undefined) closeSync(ram)
  rmSync(directory, { recursive: true })
  return { events, error, console: consoleText, wallMs: Date.now() - begun, timedOut }
}
