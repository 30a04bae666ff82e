// The example schedulers of a kernel's own source (tools/sched_ext), built for that kernel out of the distribution's source package and kept
// in ktstr's cache.
import { execFile } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"
import { Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { resolveCacheDirs } from "@ktstr/core/cache"
import { type KernelEntry, KernelError } from "@ktstr/core/kernel"
import {
  candidateSuites,
  detectDistribution,
  downloadPackage,
  openAptArchive,
  parseDistroSpec
} from "@ktstr/kernel-sources"
import { Effect } from "effect"

/** Of the folder tools/sched_ext, those that are built. */
export const exampleNames = [
  "scx_simple",
  "scx_qmap",
  "scx_central",
  "scx_flatcg",
  "scx_pair",
  "scx_userland",
  "scx_sdt",
  "scx_cpu0"
] as const

export type ExampleName = (typeof exampleNames)[number]

/** Absolute paths of the programs. */
export type Examples = Readonly<Record<ExampleName, string>>

const run = promisify(execFile)

/** What the examples' Makefile reads of a source package. */
const wanted = [
  "*/tools/arch",
  "*/tools/bpf",
  "*/tools/build",
  "*/tools/include",
  "*/tools/lib",
  "*/tools/sched_ext",
  "*/tools/scripts",
  "*/include/asm-generic",
  "*/include/uapi",
  "*/kernel/bpf",
  "*/scripts"
]

/** clang before 20 makes code of 7.3's scx_qmap that the verifier refuses: it takes a casted arena pointer for a number. */
const compilers = [24, 23, 22, 21, 20, 19, 18, 17, 16]

const inPath = (program: string): boolean =>
  (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** The newest clang with its llvm-strip. */
const compiler = (): number => {
  const found = compilers.find((version) => inPath(`clang-${version}`) && inPath(`llvm-strip-${version}`))
  if (found !== undefined) return found
  throw new Error("no clang to build schedulers with: apt-get install -y --no-install-recommends clang-22 llvm-22")
}

const series = (release: string): string => /^[0-9]+\.[0-9]+/.exec(release)?.[0] ?? release

/** Downloads the source package of the kernel's series and returns the path of its tarball, inside `into`. */
const fetchSource = (kernel: KernelEntry, into: string) =>
  Effect.gen(function* () {
    const distribution = yield* detectDistribution
    const archive = yield* openAptArchive(distribution)
    const name = `linux-source-${series(kernel.metadata.version)}`
    const own = parseDistroSpec(kernel.metadata.source.spec).suite
    const stable = distribution.origin === "Debian" ? yield* archive.codename("stable") : distribution.codename
    const suites = [
      ...(kernel.metadata.source.type === "distro" && own !== undefined ? [own] : []),
      `${distribution.codename}-security`,
      ...candidateSuites(distribution, stable)
    ]
    for (const suite of new Set(suites)) {
      const found = yield* Effect.orElseSucceed(archive.find(suite, name), () => undefined)
      if (found === undefined) continue
      const deb = yield* downloadPackage(archive, found, () => Effect.void)
      yield* Effect.tryPromise(() => run("dpkg-deb", ["-x", deb, into]))
      return join(into, "usr/src", `${name}.tar.xz`)
    }
    return yield* new KernelError({ reason: "Fetch", message: `no ${name} in ${[...new Set(suites)].join(", ")}` })
  }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))

const build = async (kernel: KernelEntry, into: string): Promise<void> => {
  const version = compiler()
  const btf = kernel.vmlinux
  if (btf === undefined)
    throw new Error(`${kernel.key} has no vmlinux in the cache, whose BTF the schedulers are built against`)
  const scratch = await mkdtemp(`${into}.new-`)
  try {
    const tarball = await Effect.runPromise(fetchSource(kernel, scratch))
    await run("tar", ["-x", "-C", scratch, "-f", tarball, "--no-same-owner", "--wildcards", ...wanted])
    await rm(tarball)
    const tree = (await readdir(scratch)).find((name) => name.startsWith("linux-source-"))
    if (tree === undefined) throw new Error(`${tarball} holds no linux-source directory`)
    const objects = join(scratch, "objects")
    const programs = join(scratch, "programs")
    await mkdir(objects)
    await mkdir(programs)
    const settings = [
      `CLANG=clang-${version}`,
      `LLVM_STRIP=llvm-strip-${version}`,
      `VMLINUX_BTF=${btf}`,
      `O=${objects}`
    ]
    const folder = join(scratch, tree, "tools/sched_ext")
    await run("make", ["-s", "-j2", "-C", folder, ...settings, ...exampleNames], { maxBuffer: 2 ** 26 })
    for (const name of exampleNames) await copyFile(join(objects, "build/bin", name), join(programs, name))
    await writeFile(join(programs, "built-by"), `clang ${version}, ${tree}\n`)
    await rm(into, { recursive: true, force: true })
    await rename(programs, into)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The examples for a cached kernel, built when they are not there: a download of about 160 MB and a minute of compiling. */
export const examplesFor = async (kernel: KernelEntry, say: (text: string) => void): Promise<Examples> => {
  const { images } = await Effect.runPromise(Effect.provide(resolveCacheDirs, Path.layer))
  const root = images.replace(/images$/, "schedulers")
  const folder = join(root, kernel.metadata.version)
  const paths = Object.fromEntries(exampleNames.map((name) => [name, join(folder, name)])) as Examples
  const there: ReadonlyArray<string> = await readdir(folder).catch(() => [])
  if (!exampleNames.every((name) => there.includes(name))) {
    say(`building ${exampleNames.join(", ")} for ${kernel.metadata.version}`)
    await mkdir(root, { recursive: true })
    await build(kernel, folder)
  }
  return paths
}
