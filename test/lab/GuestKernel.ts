// Kernels for guests in tests, by what `ktstr kernel fetch` takes.
import { ktstr } from "../ktstr.ts"
import type { TestKernel } from "../prepare.ts"

/** Debian's own 6.12: no sched_ext, but the long-term kernel that guests boot as well. */
export const kernel612 = "distro:6.12"

/** A kernel from before EEVDF (6.6), of Debian 12; its flavour for clouds is half the download. */
export const kernel61 = "distro:bookworm/linux-image-6.1.*-cloud-amd64"

/** Brings a kernel into the user's cache, unless one that fits is there, and says where it is. */
export const guestKernel = async (spec: string): Promise<TestKernel> => {
  const fetched = await ktstr(["kernel", "fetch", spec], { deadlineMs: 300_000 })
  if (fetched.code !== 0) throw new Error(`ktstr kernel fetch ${spec} ended with ${fetched.code}:\n${fetched.stderr}`)
  const image = fetched.stdout.trim().split("\n").at(-1)
  const listed = await ktstr(["kernel", "list", "--json"])
  const kernel = JSON.parse(listed.stdout).entries.find((entry: TestKernel) => entry.image === image)
  if (kernel === undefined) throw new Error(`ktstr kernel list does not know ${image}, which kernel fetch gave`)
  return kernel
}
