// The program behind a FUSE mount whose /dev/fuse is open as descriptor 7: an empty directory. Records as in the kernel's
// include/uapi/linux/fuse.h.
import { readSync, writeSync } from "node:fs"

const device = 7
const opcodes = { lookup: 1, forget: 2, getattr: 3, init: 26, batchForget: 42 }
const noEntry = -2
const notImplemented = -38

const request = Buffer.alloc(1 << 20)

const answer = (unique, error, body = Buffer.alloc(0)) => {
  const header = Buffer.alloc(16)
  header.writeUInt32LE(16 + body.length, 0)
  header.writeInt32LE(error, 4)
  header.writeBigUInt64LE(unique, 8)
  writeSync(device, Buffer.concat([header, body]))
}

const init = () => {
  const body = Buffer.alloc(64)
  body.writeUInt32LE(7, 0)
  body.writeUInt32LE(31, 4)
  body.writeUInt32LE(1 << 16, 20)
  return body
}

const rootAttributes = () => {
  const body = Buffer.alloc(104)
  body.writeBigUInt64LE(1n, 16)
  body.writeUInt32LE(0o40755, 76)
  body.writeUInt32LE(2, 80)
  return body
}

for (;;) {
  readSync(device, request)
  const opcode = request.readUInt32LE(4)
  const unique = request.readBigUInt64LE(8)
  if (opcode === opcodes.init) answer(unique, 0, init())
  else if (opcode === opcodes.getattr) answer(unique, 0, rootAttributes())
  else if (opcode === opcodes.lookup) answer(unique, noEntry)
  else if (opcode !== opcodes.forget && opcode !== opcodes.batchForget) answer(unique, notImplemented)
}
