// Runs commands in level 1 for the host, over one virtio-serial port. Both ways a line is a JSON object, bytes in base64.
// Host: {id, args, cwd, env, stdin?} starts a command, {id, signal} signals its process group, {done: true} powers off.
// Level 1: {ready: uptime}, {id, stream, data}, {id, code, signal} or {id, error}.
// Plain Node without dependencies: it starts over 9p in an emulated machine.
import { spawn } from "node:child_process"
import { createReadStream, createWriteStream, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createInterface } from "node:readline"

/** How long output may come after a command's end from children it left behind. */
const lingerMs = 2_000

// One open file: the driver refuses a second (drivers/char/virtio_console.c, port_fops_open).
const fd = openSync(`/dev/${readdirSync("/sys/class/virtio-ports")[0]}`, "r+")
const port = createWriteStream("", { fd })
const running = new Map()
const send = (message) => port.write(`${JSON.stringify(message)}\n`)

const start = ({ id, args: [program, ...args], cwd, env, stdin }) => {
  let child
  try {
    child = spawn(program, args, {
      cwd,
      env,
      detached: true,
      stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"]
    })
  } catch (error) {
    send({ id, error: error.message })
    return
  }
  running.set(id, child)
  if (stdin !== undefined) {
    // A command that reads nothing of it is its own affair.
    child.stdin.on("error", () => {})
    child.stdin.end(Buffer.from(stdin, "base64"))
  }
  for (const stream of ["stdout", "stderr"]) {
    child[stream].on("data", (data) => {
      if (send({ id, stream, data: data.toString("base64") })) return
      child[stream].pause()
      port.once("drain", () => child[stream].resume())
    })
  }
  const end = (message) => {
    if (running.delete(id)) send({ id, ...message })
  }
  child.on("error", (error) => end({ error: `${program}: ${error.message}`, missing: error.code === "ENOENT" }))
  child.on("close", (code, signal) => end({ code, signal }))
  child.on("exit", (code, signal) => setTimeout(() => end({ code, signal }), lingerMs).unref())
}

const signalGroup = ({ id, signal }) => {
  try {
    process.kill(-running.get(id).pid, signal)
  } catch {
    // It has just ended; its end is on the way.
  }
}

createInterface({ input: createReadStream("", { fd, autoClose: false }) })
  .on("line", (line) => {
    const message = JSON.parse(line)
    if (message.done) writeFileSync("/proc/sysrq-trigger", "o")
    else if (message.signal !== undefined) signalGroup(message)
    else start(message)
  })
  // The host is gone.
  .on("close", () => writeFileSync("/proc/sysrq-trigger", "o"))

port.setMaxListeners(0)
send({ ready: Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) })
