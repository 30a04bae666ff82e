// Touches as much of this host's memory as a machine is loaded with, four times over, and frees it for the next allocation. On a host
// that is a virtual machine itself, free memory may be its hypervisor's until it is touched (free page reporting), at ten times the price
// of clearing it.
import { closeSync, openSync } from "node:fs"
import { createRequire } from "node:module"

const { Machine, Memory } = createRequire(import.meta.url)("../../native/src/build/Release/ktstr.node")
const size = 256 * 1024 * 1024
const fd = openSync("/dev/zero", "r")
const memory = new Memory({ segments: [{ address: 0, size }], files: [{ address: 0, fd, offset: 0, size }] })
const machine = new Machine({ memory, vcpus: [{ apicId: 0 }] }, () => {})
memory.release()
closeSync(fd)
await machine.loaded()
await machine.destroy()
