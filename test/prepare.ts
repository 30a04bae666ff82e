// Before the end-to-end tests: a kernel to boot, fetched once into the user's cache as a user would.
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestProject } from "vitest/node"
import { ktstr } from "./ktstr.ts"

export interface TestKernel {
  readonly image: string
  readonly vmlinux: string
  readonly version: string
}

declare module "vitest" {
  interface ProvidedContext {
    kernel: TestKernel
  }
}

export default async (project: TestProject): Promise<() => void> => {
  const temporary = mkdtempSync(join(tmpdir(), "test-ktstr-"))
  process.env.KTSTR_TEST_TMP = temporary
  const clean = () => rmSync(temporary, { recursive: true, force: true })
  const fetched = await ktstr(["kernel", "fetch"], { deadlineMs: 300_000 })
  if (fetched.code !== 0) throw new Error(`ktstr kernel fetch ended with ${fetched.code}:\n${fetched.stderr}`)
  const listed = await ktstr(["kernel", "list", "--json"])
  // Other kernels may lie in the cache as well; this one has sched_ext.
  const image = fetched.stdout.trim().split("\n").at(-1)
  const kernel = JSON.parse(listed.stdout).entries.find(
    (entry: { valid: boolean; image: string }) => entry.valid && entry.image === image
  )
  if (kernel === undefined) throw new Error(`ktstr kernel list does not know ${image}, which kernel fetch gave`)
  project.provide("kernel", kernel)
  // Without a word on kernels the tests mean this one, whatever else was built into the user's cache.
  process.env.KTSTR_KERNEL = kernel.key
  return clean
}
