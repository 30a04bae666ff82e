// The kernel of level 1, out of the distribution's own package and never installed: its ELF and the modules that level 1 loads,
// decompressed, in loading order, below ktstr's cache directory.
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { resolveCacheDirs } from "@ktstr/core/cache"
import { unpackKernel } from "@ktstr/core/image"
import { compareVersions, KernelError } from "@ktstr/core/kernel"
import {
  candidateSuites,
  detectDistribution,
  downloadImage,
  type KernelPackage,
  layerKernelCodecs,
  openAptArchive,
  packageRelease,
  selectPackages
} from "@ktstr/kernel-sources"
import { Effect } from "effect"

/** A cached kernel; all paths are absolute. */
export interface Level1Kernel {
  /** `uname -r`. */
  readonly release: string
  /** The ELF, which qemu enters by PVH: no time goes into unpacking. */
  readonly vmlinux: string
  /** Modules in the order in which they can be loaded. */
  readonly modules: ReadonlyArray<string>
  /** Drivers of a scratch disk, for guests that run this kernel, in loading order. */
  readonly guestModules: ReadonlyArray<string>
}

/** With nested paging under emulation 6.12 was tried at length; Debian's 7.x keeps its modules in packages of their own. */
const wantedVersion = "6.12"

/** What level 1 needs and Debian builds as modules; virtio_pci and virtio_console are built in. */
const wantedModules = ["9p", "9pnet_virtio", "overlay", "kvm", "kvm_amd"]

/** What a guest's virtio disk needs and Debian builds as modules: virtio_mmio for the native backend, virtio_blk for both. */
const wantedGuestModules = ["virtio_mmio", "virtio_blk"]

const run = promisify(execFile)
const maxModule = 64 * 1024 * 1024

/** Module names are compared as the kernel does: a dash is an underscore. */
const moduleName = (file: string): string =>
  file
    .replace(/^.*\//, "")
    .replace(/\.ko(\.xz)?$/, "")
    .replaceAll("-", "_")

const readModule = async (file: string): Promise<Buffer> =>
  file.endsWith(".xz")
    ? (await run("busybox", ["xzcat", file], { encoding: "buffer", maxBuffer: maxModule })).stdout
    : await readFile(file)

/** The `depends=` entry of a module's .modinfo section (include/linux/module.h): what depmod makes modules.dep of. */
const dependencies = (module: Buffer): ReadonlyArray<string> => {
  const start = module.indexOf("\0depends=")
  if (start < 0) return []
  const text = module.toString("latin1", start + "\0depends=".length, module.indexOf(0, start + 1))
  return text.split(",").filter((name) => name !== "")
}

/** Makes the directory `to` with the wanted modules and what they depend on, numbered in loading order. */
const collectModules = async (unpacked: string, wanted: ReadonlyArray<string>, to: string): Promise<void> => {
  await mkdir(to)
  const files = (await readdir(unpacked, { recursive: true })).filter((name) => /\.ko(\.xz)?$/.test(name))
  const byName = new Map(files.map((name) => [moduleName(name), join(unpacked, name)]))
  const done = new Set<string>()
  const add = async (module: string): Promise<void> => {
    const name = moduleName(module)
    if (done.has(name)) return
    done.add(name)
    const file = byName.get(name)
    if (file === undefined) throw new Error(`the package has no module ${name}`)
    const bytes = await readModule(file)
    for (const dependency of dependencies(bytes)) await add(dependency)
    const number = String((await readdir(to)).length).padStart(2, "0")
    await writeFile(join(to, `${number}-${name}.ko`), bytes)
  }
  for (const name of wanted) await add(name)
}

/** Unpacks only what can be wanted: a tenth of the package's files are no modules. */
const unpackModules = async (deb: string, to: string): Promise<void> => {
  await run("sh", [
    "-c",
    `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards './*lib/modules/*/kernel/*.ko*'`,
    "unpack",
    deb,
    to
  ])
}

const failed = (message: string) => (cause: unknown) =>
  new KernelError({ reason: "Fetch", message: `${message}: ${String(cause)}`, cause })

/** Newest package of the first suite that has one. */
const findPackage = Effect.gen(function* () {
  const distribution = yield* detectDistribution
  const archive = yield* openAptArchive(distribution)
  const stable = distribution.origin === "Debian" ? yield* archive.codename("stable") : distribution.codename
  const suites = candidateSuites(distribution, stable)
  for (const suite of [...suites, `${distribution.codename}-security`]) {
    const listed = yield* Effect.orElseSucceed(archive.kernels(suite), () => [])
    const wanted = selectPackages(wantedVersion, listed)[0]
    if (wanted !== undefined) return { archive, wanted }
  }
  return yield* new KernelError({
    reason: "Fetch",
    message: `no kernel ${wantedVersion} in ${suites.join(", ")}: level 1 of the KVM lab needs Debian's linux-image-${wantedVersion}.*-amd64`
  })
})

const say = (text: string) => Effect.sync(() => process.stderr.write(`lab: ${text}\n`))

/** Downloads, checks against the SHA-256 of the archive's signed index, unpacks, and moves into place at once. */
const fetchInto = (cache: string) =>
  Effect.gen(function* () {
    yield* say(`looking for a ${wantedVersion} kernel in the archive (once)`)
    const { archive, wanted } = yield* findPackage
    yield* say(`fetching ${wanted.name} ${wanted.version}, ${Math.round(wanted.size / 1e6)} MB`)
    let deb = ""
    const download = (what: KernelPackage, onBytes: (bytes: number) => Effect.Effect<void>) =>
      Effect.tap(archive.download(what, onBytes), (path) =>
        Effect.sync(() => {
          deb = path
        })
      )
    const image = yield* downloadImage({ download }, wanted, () => Effect.void)
    const vmlinux = yield* Effect.mapError(unpackKernel(image), failed(`the image of ${wanted.name}`))
    yield* Effect.tryPromise({
      try: async () => {
        await mkdir(cache, { recursive: true })
        const temporary = await mkdtemp(join(cache, ".new-"))
        try {
          await mkdir(join(temporary, "unpacked"))
          await unpackModules(deb, join(temporary, "unpacked"))
          await collectModules(join(temporary, "unpacked"), wantedModules, join(temporary, "modules"))
          await collectModules(join(temporary, "unpacked"), wantedGuestModules, join(temporary, "guest-modules"))
          await rm(join(temporary, "unpacked"), { recursive: true })
          await writeFile(join(temporary, "vmlinux"), vmlinux)
          await writeFile(join(temporary, "package.json"), `${JSON.stringify(wanted, null, 2)}\n`)
          const entry = join(cache, packageRelease(wanted.name) ?? wanted.version)
          await rm(entry, { recursive: true, force: true })
          await rename(temporary, entry)
        } finally {
          await rm(temporary, { recursive: true, force: true })
        }
      },
      catch: failed(`${wanted.name} cannot be unpacked into ${cache}`)
    })
  }).pipe(Effect.scoped, Effect.provide(layerKernelCodecs))

/** The newest entry that is there; entries are complete, as they come by a rename. */
const cached = async (cache: string): Promise<Level1Kernel | undefined> => {
  const names = await readdir(cache).catch(() => [])
  const release = names
    .filter((name) => /^[0-9]/.test(name))
    .sort(compareVersions)
    .at(-1)
  if (release === undefined) return undefined
  const directory = join(cache, release)
  const inOrder = async (folder: string): Promise<ReadonlyArray<string>> =>
    (await readdir(join(directory, folder))).sort().map((name) => join(directory, folder, name))
  try {
    return {
      release,
      vmlinux: join(directory, "vmlinux"),
      modules: await inOrder("modules"),
      guestModules: await inOrder("guest-modules")
    }
  } catch {
    // An entry made by an earlier version of this file lacks a part: it is made again.
    return undefined
  }
}

/** Where everything of the lab is kept: beside ktstr's other caches. */
export const labCache = (): Promise<string> =>
  Effect.runPromise(
    Effect.map(resolveCacheDirs, (dirs) => dirs.images.replace(/images$/, "lab")).pipe(Effect.provide(Path.layer))
  )

/** The kernel of level 1, fetched when it is not in the cache. */
export const level1Kernel = async (): Promise<Level1Kernel> => {
  const cache = await labCache()
  const known = await cached(cache)
  if (known !== undefined) return known
  await Effect.runPromise(Effect.provide(fetchInto(cache), NodeContext.layer))
  const fetched = await cached(cache)
  if (fetched === undefined) throw new Error(`${cache} is empty although the kernel of level 1 was just put there`)
  return fetched
}
