// Makes this checkout ready: Debian packages, npm packages, the guest agent and the bundles. Plain Node, no dependency, so
// that it runs on a machine that has nothing else. Idempotent; each step first asks whether there is anything to do.
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { delimiter, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { refusal } from "./consent.mjs"
import { forBench, forEveryone, forExamples, forKernelBuilds, forLab, forSchedulers, forTests } from "./packages.mjs"

const root = fileURLToPath(new URL("../..", import.meta.url))
const exitMissing = 69
const wants = new Set(process.argv.slice(2))

/** Ends set-up with one line that says what is missing and how to fix it. */
const stop = (message) => {
  process.stderr.write(`ktstr setup: ${message}\n`)
  process.exit(exitMissing)
}

const say = (message) => process.stderr.write(`ktstr setup: ${message}\n`)

const run = (command, args, env = {}) => {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], env: { ...process.env, ...env } })
  return result.status === 0
}

const inPath = (name) =>
  [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((dir) => {
    try {
      accessSync(join(dir, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

const found = (need) => (need.command === undefined ? need.anyOf.some(existsSync) : inPath(need.command))

const checkNode = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    stop(`Node ${process.versions.node} is too old; ktstr needs 20.19 or later: https://nodejs.org`)
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    stop(`ktstr runs on Linux on x86_64; this is ${process.platform} on ${process.arch}`)
  }
}

/** Installs the Debian packages that are not there, when this user may and wants it; otherwise says the one line to run. */
const installPackages = (needs) => {
  const missing = [...new Set(needs.filter((need) => !found(need)).map((need) => need.package))]
  if (missing.length === 0) return
  const line = `apt-get install -y --no-install-recommends ${missing.join(" ")}`
  if (!inPath("apt-get")) {
    stop(`missing ${missing.join(", ")} (Debian's names); install them with this system's package manager`)
  }
  const sudo = process.getuid() === 0 ? [] : ["sudo", "-n"]
  const permitted = sudo.length === 0 || (inPath("sudo") && spawnSync("sudo", ["-n", "true"]).status === 0)
  const byHand = `${sudo.length === 0 ? "" : "sudo "}${line}`
  if (!permitted) stop(`missing ${missing.join(", ")}; run: ${byHand}`)
  say(`these Debian packages are missing: ${missing.join(" ")}; to be installed by: ${byHand}`)
  const why = refusal({ question: "ktstr setup: install them?", yes: wants.has("--yes"), root: sudo.length === 0 })
  if (why !== undefined) stop(`${why}; run: ${byHand}`)
  say(`installing ${missing.join(" ")}`)
  const apt = (...args) =>
    run(...commandLine([...sudo, "apt-get", "-qq", ...args]), { DEBIAN_FRONTEND: "noninteractive" })
  const install = () => apt("install", "-y", "--no-install-recommends", ...missing)
  if (!install()) {
    // Package lists may be absent or old on a fresh machine; third-party repositories that fail must not stop us.
    apt("update")
    if (!install()) stop(`could not install; run: ${byHand}`)
  }
  const still = needs.filter((need) => !found(need)).map((need) => need.command ?? need.anyOf[0])
  if (still.length > 0) stop(`installed ${missing.join(" ")}, but ${still.join(", ")} is still not there`)
}

const commandLine = ([command, ...args]) => [command, args]

const sha256 = (...parts) => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest("hex")
}

/** Does `work` unless the stamp file holds `key`; the stamp is written only after it succeeded. */
const once = (stamp, key, work) => {
  const file = join(root, stamp)
  if (existsSync(file) && readFileSync(file, "utf8") === key) return
  work()
  writeFileSync(file, key)
}

const installModules = () => {
  const lock = readFileSync(join(root, "package-lock.json"))
  once("node_modules/.ktstr-setup", sha256(lock, process.versions.modules), () => {
    say("installing npm packages")
    if (!run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"])) {
      stop("npm ci failed; see above, mend it (network, registry), and run this again")
    }
  })
}

/** make decides by itself what is out of date. */
const buildNative = () => {
  for (const folder of ["native/agent", "native/probe", "native/plugin"]) {
    if (!run("make", ["-s", "-C", folder])) stop(`building ${folder} failed; see the compiler's message above`)
  }
}

/**
 * The addon, by node-gyp, which takes a second to find out that there is nothing to do: so that is asked here. It builds with this Node's own
 * headers where they are installed, and fetches them otherwise.
 */
const buildAddon = () => {
  const folder = join(root, "native/src")
  const stats = []
  for (const file of sourceFiles(folder, /\.(cc|h|gyp)$/)) {
    const { mtimeMs, size } = statSync(file)
    stats.push(`${file} ${mtimeMs} ${size}\n`)
  }
  const versions = `${process.version} ${createRequire(join(root, "native/package.json"))("node-addon-api/package.json").version}`
  const key = `${versions} ${sha256(stats.sort().join(""))}`
  const stamp = join(folder, "build/.ktstr-setup")
  const before = existsSync(stamp) ? readFileSync(stamp, "utf8") : ""
  if (before === key && existsSync(join(folder, "build/Release/ktstr.node"))) return
  say("building the addon")
  const prefix = dirname(dirname(realpathSync(process.execPath)))
  const headers = existsSync(join(prefix, "include/node/node_api.h")) ? [`--nodedir=${prefix}`] : []
  // Not node-gyp's `rebuild`: it deletes the whole folder, in which tests and fuzzers may be running, and what the fuzzers found.
  if (!before.startsWith(`${versions} `)) rmSync(join(folder, "build/Release"), { recursive: true, force: true })
  const nodeGyp = join(root, "node_modules/node-gyp/bin/node-gyp.js")
  const options = ["-C", folder, "--loglevel=error", "--jobs=max", ...headers]
  // With several commands node-gyp would take each option for the first.
  if (!["configure", "build"].every((step) => run(process.execPath, [nodeGyp, step, ...options]))) {
    stop("building the addon (native/src) failed; see the compiler's message above")
  }
  writeFileSync(stamp, key)
}

function* sourceFiles(folder, wanted = /\.(ts|mjs|json)$/) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === "dist" || entry.name === "build") continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sourceFiles(path, wanted)
    else if (wanted.test(entry.name)) yield path
  }
}

const buildBundles = async () => {
  const stats = []
  for (const folder of ["core/src", "plugins", "native/lib", "cli/src", "cli/setup"]) {
    for (const file of sourceFiles(join(root, folder))) {
      const { mtimeMs, size } = statSync(file)
      stats.push(`${file} ${mtimeMs} ${size}\n`)
    }
  }
  const key = sha256(stats.sort().join(""), readFileSync(join(root, "package-lock.json")))
  const built = existsSync(join(root, "cli/dist/bin.js"))
  const stamp = built ? "node_modules/.ktstr-build" : "node_modules/.ktstr-build-none"
  if (built && existsSync(join(root, stamp)) && readFileSync(join(root, stamp), "utf8") === key) return
  say("building")
  if (!run("node", ["cli/setup/build.mjs"])) stop("the build failed; see above")
  writeFileSync(join(root, "node_modules/.ktstr-build"), key)
}

/** The oldest libbpf with everything that the fixture scheduler uses. */
const leastLibbpf = [1, 4]

/** Whether the system's headers and static library will do. */
const hasLibbpf = () => {
  try {
    const header = readFileSync("/usr/include/bpf/libbpf_version.h", "utf8")
    const [major, minor] = ["MAJOR", "MINOR"].map((part) =>
      Number(new RegExp(`LIBBPF_${part}_VERSION ([0-9]+)`).exec(header)?.[1] ?? 0)
    )
    const library = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"].some((dir) =>
      existsSync(join(dir, "libbpf.a"))
    )
    return library && (major > leastLibbpf[0] || (major === leastLibbpf[0] && minor >= leastLibbpf[1]))
  } catch {
    return false
  }
}

/** The fixture scheduler, which tests and benchmarks run; needs the bundles, and the archive where the system's libbpf is old. */
const buildScheduler = () => {
  const folder = "native/bpf"
  const libbpf = `${folder}/build/libbpf`
  if (!hasLibbpf() && !existsSync(join(root, libbpf))) {
    say("fetching libbpf")
    if (!run(process.execPath, ["cli/setup/libbpf.mjs", join(root, libbpf)])) {
      stop(
        `no libbpf ${leastLibbpf.join(".")} or later for ${folder}; see above, or unpack its libbpf-dev into ${libbpf}`
      )
    }
  }
  if (!run("make", ["-s", "-C", folder])) stop(`building ${folder} failed; see the compiler's message above`)
}

const wantsSchedulers = ["--test", "--bench", "--schedulers"].some((option) => wants.has(option))
checkNode()
installPackages([
  ...forEveryone,
  ...(wants.has("--test") ? [...forTests, ...forLab, ...forKernelBuilds] : []),
  ...(wants.has("--bench") ? [...forBench, ...forLab] : []),
  ...(wantsSchedulers ? forSchedulers : []),
  ...(wants.has("--examples") ? forExamples : []),
  ...(wants.has("--lab") ? forLab : [])
])
installModules()
buildNative()
buildAddon()
await buildBundles()
if (wantsSchedulers) buildScheduler()
