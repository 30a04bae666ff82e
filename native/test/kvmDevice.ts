// Tells whether this machine has a /dev/kvm that can be opened. Its speed does not matter: these guests are a few bytes of code.
import * as fs from "node:fs"

const open = (): string | undefined => {
  try {
    fs.closeSync(fs.openSync("/dev/kvm", "r+"))
    return undefined
  } catch (cause) {
    return `/dev/kvm can't be opened: ${(cause as NodeJS.ErrnoException).code}`
  }
}

/** The reason for skipping the tests that create machines; undefined: they run. */
export const noKvm: string | undefined = open()

if (noKvm !== undefined) console.log(`skipped: machines on KVM: ${noKvm}`)
