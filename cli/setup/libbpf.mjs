// Unpacks libbpf's headers and static library from the distribution's backports into a folder, where the release itself has one that is too
// old for the fixture scheduler (Debian 12). Nothing is installed. Runs after the bundles are built.
import { execFileSync } from "node:child_process"
import { mkdirSync, renameSync, rmSync } from "node:fs"
import { NodeContext } from "@effect/platform-node"
import { detectDistribution, downloadPackage, openAptArchive } from "@ktstr/kernel-sources"
import { Cause, Effect, Exit } from "effect"

const folder = process.argv[2]

const fetchLibbpf = Effect.gen(function* () {
  const distribution = yield* detectDistribution
  const archive = yield* openAptArchive(distribution)
  const suite = `${distribution.codename}-backports`
  const found = yield* archive.find(suite, "libbpf-dev")
  if (found === undefined) return yield* Effect.fail(new Error(`${suite} has no libbpf-dev`))
  const deb = yield* downloadPackage(archive, found, () => Effect.void)
  yield* Effect.try(() => {
    const fresh = `${folder}.new`
    rmSync(fresh, { recursive: true, force: true })
    mkdirSync(fresh, { recursive: true })
    execFileSync("dpkg-deb", ["-x", deb, fresh])
    rmSync(folder, { recursive: true, force: true })
    renameSync(fresh, folder)
  })
})

const ended = await Effect.runPromiseExit(fetchLibbpf.pipe(Effect.scoped, Effect.provide(NodeContext.layer)))
if (Exit.isFailure(ended)) {
  const failure = Cause.squash(ended.cause)
  process.stderr.write(`${failure instanceof Error ? failure.message : String(failure)}\n`)
  process.exit(69)
}
