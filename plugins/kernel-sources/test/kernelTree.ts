/** A source tree of the shape of a kernel's, which make builds in a moment: its Makefile has the targets and the refusals of the real one. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeContext } from "@effect/platform-node"
import { layerKernelCache, layerKernelResolver, layerKernelSources, layerRemoteCaches } from "@ktstr/core/kernel"
import { ConfigProvider, Effect, Layer } from "effect"
import { bzImage, vmlinux } from "../../../core/test/image/images.ts"
import { layerBuiltinRemoteCaches } from "../src/build/BuiltKernels.ts"
import { makeGitSource } from "../src/sources/GitSource.ts"
import { makePathSource } from "../src/sources/PathSource.ts"
import { registeringSources } from "../src/sources/SourceLayer.ts"

const makefile = `
O ?= .
ifneq ($(words $(subst :, ,$(CURDIR)) $(subst :, ,$(O))),2)
$(error source directory cannot contain spaces or colons)
endif
.PHONY: tinyconfig defconfig olddefconfig kernelrelease bzImage compile_commands.json mrproper clean-tree
clean-tree:
	@if [ "$(O)" != . ] && { [ -f .config ] || [ -d include/config ] || [ -d arch/x86/include/generated ]; }; then \\
		echo "*** The source tree is not clean, please run 'make ARCH=x86_64 mrproper'" >&2; exit 1; fi
tinyconfig defconfig: clean-tree
	@echo "# base: $@" > $(O)/.config
olddefconfig:
	@sort -u $(O)/.config | grep -v '^CONFIG_BROKEN=' > $(O)/.config.new && mv $(O)/.config.new $(O)/.config
kernelrelease:
	@cat release
bzImage: clean-tree
	@echo "  CC      init/main.o"
	@mkdir -p $(O)/arch/x86/boot
	@cp image.bin $(O)/arch/x86/boot/bzImage
	@gcc -g -nostdlib -static -Wl,--entry=main -o $(O)/vmlinux init/main.c
	@taskset --cpu-list --pid $$$$ > $(O)/affinity
	@echo "$(MAKEFLAGS)" > $(O)/flags
compile_commands.json:
	@echo '[{"directory": "$(O)", "file": "$(CURDIR)/init/main.c"}]' > $(O)/compile_commands.json
mrproper:
	@rm -rf .config include/config arch/x86/include/generated
`

/** \`-m -O OUT BASE FRAGMENT\`, the way ktstr calls the real one. */
const mergeConfig = 'cat "$4" "$5" > "$3/.config.merged" && mv "$3/.config.merged" "$3/.config"\n'

export const release = "6.12.34-tiny"

/** Writes the tree. */
export const writeTree = (directory: string, version = release): void => {
  mkdirSync(join(directory, "scripts/kconfig"), { recursive: true })
  mkdirSync(join(directory, "init"))
  writeFileSync(join(directory, "Kbuild"), "")
  writeFileSync(join(directory, "Makefile"), makefile)
  writeFileSync(join(directory, "release"), `${version}\n`)
  writeFileSync(join(directory, "scripts/kconfig/merge_config.sh"), mergeConfig)
  const names = ["sched_ext_ops"]
  const elf = vmlinux(names)
  // The ELF has nothing but its header before the section and a string table after it.
  writeFileSync(join(directory, "btf.bin"), elf.subarray(64, 64 + 24 + names.join("").length + 2))
  writeFileSync(
    join(directory, "init/main.c"),
    `__asm__(".pushsection .BTF\\n.incbin \\"btf.bin\\"\\n.popsection\\n");\nint main(void) { return 0; }\n`
  )
  writeFileSync(join(directory, "image.bin"), bzImage(elf, { version }))
}

export const git = (directory: string, ...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-C", directory, "-c", "user.name=t", "-c", "user.email=t@t", ...args], {
    stdio: "pipe"
  }).toString()

/** Puts a tree under git. */
export const commitTree = (directory: string): string => {
  git(directory, "init", "-q", "-b", "main")
  git(directory, "add", ".")
  // The same commit wherever it is made.
  const when = "2024-01-01T00:00:00Z"
  execFileSync("git", ["-C", directory, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "one"], {
    env: { ...process.env, GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when }
  })
  return git(directory, "rev-parse", "HEAD").trim()
}

const layer = layerKernelResolver.pipe(
  Layer.provideMerge(Layer.orDie(registeringSources([makeGitSource, makePathSource]))),
  Layer.provideMerge(layerKernelSources),
  Layer.provideMerge(Layer.orDie(layerBuiltinRemoteCaches)),
  Layer.provideMerge(layerRemoteCaches),
  Layer.provideMerge(layerKernelCache),
  Layer.provideMerge(NodeContext.layer)
)

export type Services = Layer.Layer.Success<typeof layer>

/** Runs a body with a folder of its own and a kernel cache in it, called `cache`; `variables` are added to the environment. */
export const inScratch = <A, E, R = never>(
  body: (scratch: string) => Effect.Effect<A, E, R | Services>,
  cache = "cache",
  variables: Readonly<Record<string, string>> = {}
): Effect.Effect<A, E, Exclude<R, Services>> =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "ktstr-tree-"))),
    (scratch) => {
      const all = { KTSTR_CACHE_DIR: join(scratch, cache), PATH: process.env.PATH ?? "", ...variables }
      return body(scratch).pipe(
        Effect.provide(layer),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(all))))
      )
    },
    (scratch) => Effect.sync(() => rmSync(scratch, { recursive: true }))
  )
