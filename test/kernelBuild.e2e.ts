// Ctrl-C while a kernel is being fetched: what is left, and where the next try resumes. kernel.org is a server on loopback.
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync
} from "node:fs"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { writeTree } from "../plugins/kernel-sources/test/kernelTree.ts"
import { ktstr, leftovers, none, start } from "./ktstr.ts"

const scratch = mkdtempSync(join(tmpdir(), "test-ktstr-build-"))
const cache = join(scratch, "kernels")
const downloads = join(cache, ".downloads")
const name = "linux-7.3.11.tar.xz"
const directory = "/pub/linux/kernel/v7.x"
const go = join(scratch, "go")
const requests: Array<IncomingMessage> = []
let server: Server
let env: Record<string, string>

/** Random bytes beside the tree make the tarball long enough to be cut; its compiler waits for a signal to continue. */
const makeTarball = (): Buffer => {
  const tree = join(scratch, "linux-7.3.11")
  writeTree(tree, "7.3.11")
  const makefile = join(tree, "Makefile")
  const wait = `\t@echo "  CC      init/wait.o"; [ -e ${go} ] || sleep 1000\n`
  writeFileSync(
    makefile,
    readFileSync(makefile, "utf8").replace("bzImage: clean-tree\n", `bzImage: clean-tree\n${wait}`)
  )
  writeFileSync(join(tree, "noise"), crypto.getRandomValues(new Uint8Array(60_000)))
  execFileSync("tar", ["-C", scratch, "-cJf", join(scratch, name), "linux-7.3.11"])
  return readFileSync(join(scratch, name))
}

beforeAll(async () => {
  const tarball = makeTarball()
  const sums = `${createHash("sha256").update(tarball).digest("hex")}  ${name}\n`
  server = createServer((request, response) => {
    requests.push(request)
    if (request.url === `${directory}/sha256sums.asc`) return response.end(sums)
    if (request.url !== `${directory}/${name}`) return response.writeHead(404).end()
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0)
    const left = tarball.length - from
    const range = { "content-range": `bytes ${from}-${tarball.length - 1}/${tarball.length}` }
    response.writeHead(from > 0 ? 206 : 200, { "content-length": left, etag: '"one"', ...(from > 0 ? range : {}) })
    // The first answer stops in the middle, and the connection stays.
    return from > 0 ? response.end(tarball.subarray(from)) : response.write(tarball.subarray(0, tarball.length / 2))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // A machine without the tools of kernel builds has stand-ins for those that this tree does not use.
  const bin = join(scratch, "bin")
  mkdirSync(bin)
  const path = (process.env.PATH ?? "").split(delimiter)
  for (const tool of ["flex", "bison", "bc", "lz4", "pahole"]) {
    if (!path.some((at) => existsSync(join(at, tool)))) symlinkSync("/bin/true", join(bin, tool))
  }
  env = {
    KTSTR_CACHE_DIR: cache,
    KTSTR_KERNEL_ORG: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    PATH: [...path, bin].join(delimiter)
  }
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(scratch, { recursive: true, force: true })
})

const visible = (): ReadonlyArray<string> => readdirSync(cache).filter((entry) => !entry.startsWith("."))
const temporary = (): ReadonlyArray<string> => readdirSync(cache).filter((entry) => /^\.(tmp|old|build)-/.test(entry))
const tarballs = (): ReadonlyArray<IncomingMessage> => requests.filter(({ url }) => url?.endsWith(name))

describe("Ctrl-C during ktstr kernel build", () => {
  it("keeps what was downloaded, leaves no half entry, and the next try goes on from there", async () => {
    const first = start(["kernel", "build", "7.3.11"], { env })
    await first.shows(/downloading linux-7\.3\.11/)
    const part = join(downloads, `${name}.part`)
    while (!existsSync(part) || statSync(part).size === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    first.child.kill("SIGINT")
    expect((await first.ended).code).toBe(130)
    const came = statSync(part).size
    expect(came).toBeGreaterThan(20_000)
    expect([visible(), temporary(), readdirSync(join(cache, ".locks"))]).toEqual([[], [], []])

    const second = start(["kernel", "build", "7.3.11"], { env })
    await second.shows(/compiling 7\.3\.11/)
    expect(tarballs().map(({ headers }) => headers.range)).toEqual([undefined, `bytes=${came}-`])
    second.child.kill("SIGINT")
    expect((await second.ended).code).toBe(130)
    expect(readdirSync(downloads)).toEqual([name])
    expect([visible(), temporary(), readdirSync(join(cache, ".locks"))]).toEqual([[], [], []])
    expect(await leftovers()).toEqual(none)

    writeFileSync(go, "")
    const third = await ktstr(["kernel", "build", "7.3.11", "--json"], { env })
    expect(third.code, third.stderr).toBe(0)
    expect(JSON.parse(third.stdout)).toMatchObject({ valid: true, version: "7.3.11", label: "kernel_7_3_11" })
    // The tarball was complete: it is not requested again, and is removed when the kernel is built.
    expect(tarballs()).toHaveLength(2)
    expect([visible().length, temporary(), readdirSync(downloads)]).toEqual([1, [], []])
    expect(await leftovers()).toEqual(none)
  })
})
