/** Small files in the formats of real kernels. */

const put = (view: DataView, at: number, bytes: Uint8Array): void =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).set(bytes, at)

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** A bzImage with one setup area of 4 sectors around a payload. */
export const bzImage = (payload: Uint8Array, options: { readonly version?: string } = {}): Uint8Array => {
  const setup = 5 * 512
  const body = Math.ceil((64 + payload.length) / 16) * 16
  const view = new DataView(new ArrayBuffer(setup + body))
  view.setUint8(0x1f1, 4)
  view.setUint32(0x1f4, body / 16, true)
  view.setUint16(0x1fe, 0xaa55, true)
  put(view, 0x202, text("HdrS"))
  view.setUint16(0x206, 0x20f, true)
  view.setUint16(0x20e, 0x300, true)
  put(view, 0x500, text(`${options.version ?? "6.12.0-test (builder) #1"}\0`))
  view.setUint16(0x236, 1, true)
  view.setUint32(0x248, 64, true)
  view.setUint32(0x24c, payload.length, true)
  put(view, setup + 64, payload)
  return new Uint8Array(view.buffer)
}

/** An ET_EXEC ELF for x86-64 whose only content is a `.BTF` section with these names in its string table. */
export const vmlinux = (names: ReadonlyArray<string>): Uint8Array => {
  const strings = text(`\0${names.map((name) => `${name}\0`).join("")}`)
  const sectionNames = text("\0.BTF\0.shstrtab\0")
  const btfAt = 64
  const namesAt = btfAt + 24 + strings.length
  const table = Math.ceil((namesAt + sectionNames.length) / 8) * 8
  const view = new DataView(new ArrayBuffer(table + 3 * 64))
  put(view, 0, new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]))
  view.setUint16(16, 2, true)
  view.setUint16(18, 62, true)
  view.setBigUint64(40, BigInt(table), true)
  view.setUint16(58, 64, true)
  view.setUint16(60, 3, true)
  view.setUint16(62, 2, true)
  // struct btf_header: magic, version, flags, hdr_len, type_off, type_len, str_off, str_len
  view.setUint16(btfAt, 0xeb9f, true)
  view.setUint8(btfAt + 2, 1)
  view.setUint32(btfAt + 4, 24, true)
  view.setUint32(btfAt + 20, strings.length, true)
  put(view, btfAt + 24, strings)
  put(view, namesAt, sectionNames)
  const section = (index: number, name: number, offset: number, size: number): void => {
    view.setUint32(table + index * 64, name, true)
    view.setUint32(table + index * 64 + 4, 1, true)
    view.setBigUint64(table + index * 64 + 24, BigInt(offset), true)
    view.setBigUint64(table + index * 64 + 32, BigInt(size), true)
  }
  section(1, 1, btfAt, 24 + strings.length)
  section(2, 6, namesAt, sectionNames.length)
  return new Uint8Array(view.buffer)
}

/** A shared library for x86-64 that needs `libc.so.6` and has a runpath. */
export const library: Uint8Array = (() => {
  const strings = text("\0libc.so.6\0$ORIGIN/lib:/opt/lib\0")
  const dynamicAt = 64 + 2 * 56
  const stringsAt = dynamicAt + 4 * 16
  const view = new DataView(new ArrayBuffer(stringsAt + strings.length))
  put(view, 0, new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]))
  view.setUint16(16, 3, true)
  view.setUint16(18, 62, true)
  view.setBigUint64(32, 64n, true)
  view.setUint16(54, 56, true)
  view.setUint16(56, 2, true)
  const segment = (index: number, type: number, offset: number, size: number): void => {
    const at = 64 + index * 56
    view.setUint32(at, type, true)
    for (const [field, value] of [offset, offset, offset, size, size].entries()) {
      view.setBigUint64(at + 8 + 8 * field, BigInt(value), true)
    }
  }
  segment(0, 1, 0, view.byteLength)
  segment(1, 2, dynamicAt, 4 * 16)
  // DT_NEEDED, DT_RUNPATH, DT_STRTAB, DT_NULL
  for (const [index, [tag, value]] of (
    [
      [1, 1],
      [29, 11],
      [5, stringsAt],
      [0, 0]
    ] as const
  ).entries()) {
    view.setBigUint64(dynamicAt + 16 * index, BigInt(tag), true)
    view.setBigUint64(dynamicAt + 16 * index + 8, BigInt(value), true)
  }
  put(view, stringsAt, strings)
  return new Uint8Array(view.buffer)
})()
