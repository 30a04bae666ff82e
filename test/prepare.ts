// Before the end-to-end tests: a kernel to boot, fetched once into the user's cache as a user would.
import { ktstr } from "./ktstr.ts"

export default async (): Promise<void> => {
  const { code, stderr } = await ktstr(["kernel", "fetch"], { deadlineMs: 300_000 })
  if (code !== 0) throw new Error(`ktstr kernel fetch ended with ${code}:\n${stderr}`)
}
