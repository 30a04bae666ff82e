import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { KernelResolver } from "@ktstr/core"
import { type FetchProgress, KernelCache } from "@ktstr/core/kernel"
import { Effect, Option } from "effect"
import { fetchGit } from "../src/sources/GitSource.ts"
import { chooseRef, gitLabel, parseGitSpec, withoutCredentials } from "../src/sources/GitSpec.ts"
import { serveGit } from "./gitServer.ts"
import { commitTree, git, inScratch, release, writeTree } from "./kernelTree.ts"

describe("parseGitSpec", () => {
  const label = (text: string) => Option.getOrUndefined(Option.map(parseGitSpec(text), gitLabel))

  it.each([
    [
      "git+https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git#v6.15-rc3",
      "kernel_git_torvalds_linux_v6_15_rc3"
    ],
    ["git+https://user:secret@example.org/owner/linux.git#main", "kernel_git_owner_linux_main"],
    ["git+https://token@example.org/owner/linux#refs/heads/a/b", "kernel_git_owner_linux_refs_heads_a_b"],
    ["git+ssh://git@example.org:2222/~me/owner/linux.git", "kernel_git_owner_linux_HEAD"],
    ["git+file:///srv/git/linux.git#v1", "kernel_git_git_linux_v1"],
    ["git+/srv/my kernels/linux.git#v1", "kernel_git_my_kernels_linux_v1"],
    ["git+https://example.org/linux.git?key=secret#v1", "kernel_git_linux_v1"]
  ])("%s is labelled %s", (text, expected) => {
    expect(label(text)).toBe(expected)
    expect(JSON.stringify(Option.map(parseGitSpec(text), ({ shownUrl }) => shownUrl))).not.toMatch(/secret|token/)
  })

  it.each([
    "https://example.org/a/b",
    "git+ext::sh -c id#v1",
    "git+--upload-pack=id#v1",
    "git+https://example.org/a/b#--upload-pack=id",
    "git+https://example.org/a/b#v1..v2",
    "git+https://example.org/a/b#v*",
    "git+https://example.org/",
    "git+example.org/a/b",
    "git+"
  ])("%s is none", (text) => {
    expect(Option.isNone(parseGitSpec(text))).toBe(true)
  })

  it("takes a tag before a branch, and the commit of an annotated tag", () => {
    const hash = (digit: string) => digit.repeat(40)
    const lines = [
      `${hash("1")}\trefs/heads/next`,
      `${hash("2")}\trefs/tags/next`,
      `${hash("3")}\trefs/tags/next^{}`,
      `${hash("4")}\trefs/heads/other/next`
    ]
    expect(chooseRef(lines, "next")).toEqual(Option.some({ ref: "refs/tags/next", commit: hash("3") }))
    expect(chooseRef(lines, "heads/next")).toEqual(Option.some({ ref: "refs/heads/next", commit: hash("1") }))
    expect(chooseRef(lines.slice(3), "next")).toEqual(Option.none())
  })

  it("shows no credentials", () => {
    expect(withoutCredentials("fatal: 'https://me:p@ss@host/a?key=1&b=2#x' and ssh://git@h/p: mail me@host")).toBe(
      "fatal: 'https://host/a?key=…&b=…#x' and ssh://h/p: mail me@host"
    )
  })
})

/** A bare repository `owner/linux.git` with two commits, of which the first is tagged v1. */
const writeRepository = (scratch: string) => {
  const tree = join(scratch, "work")
  writeTree(tree)
  const first = commitTree(tree)
  git(tree, "tag", "-a", "-m", "one", "v1")
  writeFileSync(join(tree, "release"), "6.12.35-next\n")
  git(tree, "commit", "-qam", "two")
  const second = git(tree, "rev-parse", "HEAD").trim()
  mkdirSync(join(scratch, "srv/owner"), { recursive: true })
  const bare = join(scratch, "srv/owner/linux.git")
  execFileSync("git", ["clone", "-q", "--bare", tree, bare])
  return { bare, first, second }
}

const visible = (directory: string) =>
  readdirSync(directory).filter((name) => name !== ".locks" && name !== ".downloads")

describe("a git repository", () => {
  it.live("gives the kernel of a tag, a branch and a commit, each built once", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const { bare, first, second } = writeRepository(scratch)
        const { resolve } = yield* KernelResolver
        const tagged = yield* resolve(`git+file://${bare}#v1`)
        expect(tagged).toMatchObject({ version: release, label: "kernel_git_owner_linux_v1", schedExt: true })
        expect(tagged.key).toBe(`${release}-tree-x86_64-${/kc[0-9a-f]{6}/.exec(tagged.key!)}-${first.slice(0, 12)}`)
        const branch = yield* resolve(`git+${bare}#main`)
        expect(branch).toMatchObject({ version: "6.12.35-next", label: "kernel_git_owner_linux_main" })
        expect((yield* resolve(`git+file://${bare}#${second}`)).key).toBe(branch.key)
        expect((yield* resolve(`git+file://${bare}`)).key).toBe(branch.key)
        // A tree at the same commit is the same source, by another name.
        const tree = yield* resolve(join(scratch, "work"))
        expect(tree).toMatchObject({ key: branch.key, image: branch.image })
        expect(tree.label).toMatch(/^kernel_path_work_[0-9a-f]{6}$/)
        expect((yield* resolve(`git+${bare}#main`)).label).toBe("kernel_git_owner_linux_main")
        expect(visible(join(scratch, "cache")).sort()).toEqual([branch.key, tagged.key].sort())
        expect(readdirSync(join(scratch, "cache/.downloads"))).toEqual([])
      })
    )
  )

  it.live("has its progress told, and nothing left of a fetch that failed", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const { bare } = writeRepository(scratch)
        const seen: Array<FetchProgress["stage"]> = []
        const onProgress = ({ stage }: FetchProgress) => Effect.sync(() => void seen.push(stage))
        yield* fetchGit({ spec: `git+${bare}#v1`, onProgress })
        expect(seen[0]).toBe("index")
        expect([...new Set(seen)]).toEqual(expect.arrayContaining(["configure", "compile", "store"]))
        const absent = yield* Effect.flip(fetchGit({ spec: `git+${bare}#v2` }))
        expect(absent.message).toMatch(/^'v2' is no branch, tag or commit of file:\/\/.*linux\.git: see git ls-remote/)
        const gone = yield* Effect.flip(fetchGit({ spec: `git+${bare}#${"ab".repeat(20)}` }))
        expect(gone).toMatchObject({ reason: "Fetch" })
        expect(gone.message).toMatch(/^git fetch file:.* (abab)+ failed: fatal: /)
        expect(readdirSync(join(scratch, "cache/.downloads"))).toEqual([])
      })
    )
  )

  it.live("has missing build tools named before anything is cloned", () =>
    inScratch(
      (scratch) =>
        Effect.gen(function* () {
          const { bare } = writeRepository(scratch)
          const stages: Array<FetchProgress["stage"]> = []
          const onProgress = ({ stage }: FetchProgress) => Effect.sync(() => void stages.push(stage))
          const error = yield* Effect.flip(fetchGit({ spec: `git+${bare}#v1`, onProgress }))
          expect(error.message).toMatch(/^building a kernel needs gcc, make, flex, /)
          expect(stages).toEqual(["index"])
          expect(readdirSync(join(scratch, "cache"))).toEqual([".locks"])
        }),
      "cache",
      { PATH: "/nonexistent" }
    )
  )

  it.live("is fetched over HTTP without its history, and its password is nowhere to be read", () =>
    inScratch((scratch) =>
      Effect.gen(function* () {
        const { second } = writeRepository(scratch)
        const port = yield* serveGit(join(scratch, "srv"), "me:swordfish")
        const url = (credentials: string) => `git+http://${credentials}127.0.0.1:${port}/owner/linux.git#main`
        const { directories } = yield* KernelCache
        const { kernels } = yield* directories
        let history = ""
        const texts: Array<string> = []
        const entry = yield* fetchGit({
          spec: url("me:swordfish@"),
          onProgress: ({ stage }) =>
            Effect.sync(() => {
              if (stage !== "configure") return
              const clone = join(kernels, ".downloads", `git-${second.slice(0, 12)}`)
              history = git(clone, "log", "--format=%s")
              const files = readdirSync(join(clone, ".git"), { recursive: true, withFileTypes: true })
              texts.push(
                ...files.flatMap((file) =>
                  file.isFile() ? readFileSync(join(file.parentPath, file.name), "latin1") : []
                )
              )
            })
        })
        expect(texts.length).toBeGreaterThan(4)
        expect(texts.filter((text) => text.includes("swordfish"))).toEqual([])
        expect(history).toBe("two\n")
        expect(entry.metadata.source.description).toMatch(
          new RegExp(
            `^refs/heads/main of http://127\\.0\\.0\\.1:${port}/owner/linux\\.git at ${second.slice(0, 12)} on tinyconfig$`
          )
        )
        expect(readFileSync(join(entry.directory, "metadata.json"), "utf8")).not.toContain("swordfish")
        const refused = yield* Effect.flip(fetchGit({ spec: url("me:guess@"), refresh: true }))
        expect(refused.message).toMatch(/^git ls-remote http:\/\/127\.0\.0\.1:.* failed: fatal: /)
        expect(refused.message).not.toContain("guess")
      }).pipe(Effect.scoped)
    )
  )
})
