// node test/fuzz/seeds.mjs VECTORS DIR: the first corpus of each target: what the shared vectors have for it, and small samples of the rest.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const [vectors, directory] = process.argv.slice(2)
const add = (target, name, bytes) => {
  mkdirSync(join(directory, target), { recursive: true })
  writeFileSync(join(directory, target, name), bytes)
}

const plan = []
for (const line of readFileSync(vectors, "utf8").split("\n")) {
  const [kind, name, hex] = line.split("\t")
  if (hex === undefined || kind.startsWith("#")) continue
  const bytes = Buffer.from(hex, "hex")
  if (kind.endsWith("program")) add("program", name, bytes)
  if (kind.endsWith("stream")) add("frame", name, bytes)
  if (!kind.endsWith("command")) continue
  add("command", name, Buffer.concat([bytes.subarray(4, 6), bytes.subarray(12, -4)]))
  add("frame", name, bytes)
  add("plan", name, bytes)
  if (kind === "command") plan.push(bytes)
}
// All of them one after the other, which the targets number themselves.
for (const target of ["frame", "plan"]) add(target, "all", Buffer.concat(plan))

// Loops as deep as they may be nested, and one deeper: no mutation makes that many frames that fit together.
const frameOf = (type, payload) => {
  const frame = Buffer.alloc(12 + payload.length + 4)
  frame.writeUInt32LE(payload.length, 0)
  frame.writeUInt16LE(type, 4)
  payload.copy(frame, 12)
  return frame
}
for (const depth of [16, 17]) {
  const frames = (type, payload) => Array.from({ length: depth }, () => frameOf(type, payload))
  add(
    "plan",
    `nested-${depth}`,
    Buffer.concat([...frames(0x0006, Buffer.alloc(16)), ...frames(0x0007, Buffer.alloc(0))])
  )
}

const u32 = (...values) => Buffer.from(new Uint32Array(values).buffer)
const texts = Buffer.from("\0inner\0a\0b\0sched_ext_ops\0timeout_ms\0bpf_struct_ops_sched_ext_ops\0data\0int\0")
const at = (word) => texts.indexOf(`${word}\0`)
const structure = (name, ...members) => [
  u32(at(name), (4 << 24) | members.length, 64),
  ...members.map(([member, bits]) => u32(at(member), 1, bits))
]
const types = Buffer.concat([
  u32(at("int"), 1 << 24, 4, 32),
  u32(0, 3 << 24, 0, 1, 1, 4),
  u32(0, (13 << 24) | 2, 1, at("a"), 1, at("b"), 1),
  u32(at("int"), (19 << 24) | 1, 8, at("a"), 1, 0),
  ...structure("inner", ["a", 32], ["b", 64]),
  ...structure("sched_ext_ops", ["a", 0], ["timeout_ms", 256]),
  ...structure("bpf_struct_ops_sched_ext_ops", ["a", 0], ["data", 512])
])
add("btf", "small", Buffer.concat([u32(0x0001eb9f, 24, 0, types.length, types.length, texts.length), types, texts]))

const samples = {
  cmdline: [
    "console=ttyS0 ktstr.ring=0x8000000,0x1000000 ktstr.deadline_ms=1500 ktstr.mode=live ktstr.clock=deterministic",
    'a="b ktstr.fault=torn c" ktstr.trace=on ktstr.mode=planet'
  ],
  cpulist: ["0-3,8", "0", "4095", "1,3,5-7,64-127", "0-4095"],
  // The first character of these says how long the file is.
  textfile: ["~17\n", "~\n", "~populated 1\nfrozen 0\n", "~Node 0 MemTotal:  1000 kB\nNode 0 MemFree: 1 kB\n"].concat(
    Array.from({ length: 11 }, (_, kind) => `${String.fromCharCode(kind)}12\npopulated 34\n`),
    `~${"x".repeat(254)}populated 5\n`,
    `~${"x".repeat(255)}populated 5\n`
  ),
  symbols: [
    "ffffffff81000000 T _text\nffffffff82000000 D init_task\n0000000000021000 A runqueues\t[module]\n0000000000021000 D runqueues\n"
  ],
  topology: [
    "0-3\n\0 0-1\n\0 0-1\n\0 0-3\n\0 1\n\0 0-3\n\0 10 21\n\0Node 0 MemTotal: 1000 kB\n".replaceAll("\0 ", "\0")
  ],
  scheduler_log: ["aabbccddeeff".repeat(8), "\x00\x80".repeat(6), "\x01\x00\xff\x7f"],
  // A size, then steps of three bytes: fill, read, and move the counters near their borders.
  ring: [0, 1, 2, 3].map((size) =>
    [
      "\x86\x02\x01\x80\x02\x00\x86\x04\x00\x82\x02\x00\x84\x03\x00\x82\x02\x00\x84\x02\x00\x84\x02\x00",
      "\x06\x10\x00\x86\x03\x01"
    ].reduce((text, steps) => text + steps, String.fromCharCode(size))
  ),
  // Both sides of each border of the encoding.
  utf8: [
    "a\xc2\x80\xc1\xbf\xdf\xbf",
    "\xe0\xa0\x80\xe0\x9f\xbf\xed\x9f\xbf\xed\xa0\x80\xee\x80\x80\xef\xbf\xbf"
  ].concat(
    "\xf0\x90\x80\x80\xf0\x8f\xbf\xbf\xf4\x8f\xbf\xbf\xf4\x90\x80\x80\xf5\x80\x80\x80",
    "\xe2\x82",
    "\xf0\x9f\x98",
    "\xc3"
  ),
  loader_options: ["--llc\n--slice-us\n200\n--starve\ncg_0", "--stats\n0.5\n--one-cpu\n3", "-v\nword"].concat(
    [62, 63, 64, 65].map((length) => `--starve\n${"c".repeat(length)}`),
    Object.entries({
      "--slice-us": [99, 100, 10000000, 10000001],
      "--watchdog-ms": [0, 1, 30000, 30001],
      "--stats": [0.0009, 0.001, 86400, 86400.5],
      "--exit-code": [-1, 0, 255, 256],
      "--degrade": [0, 1, 1000, 1001],
      "--one-cpu": [-1, 0, 1023, 1024]
    }).flatMap(([name, values]) => values.map((value) => `${name}\n${value}`))
  )
}
for (const [target, texts] of Object.entries(samples)) {
  for (const [index, text] of texts.entries()) {
    const encoding = ["scheduler_log", "ring", "utf8"].includes(target) ? "latin1" : "utf8"
    add(target, `sample-${index}`, Buffer.from(text, encoding))
  }
}
