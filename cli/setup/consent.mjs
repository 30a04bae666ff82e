// Whether set-up may install Debian packages. It never does so without saying what first, and on a terminal it asks.
import { closeSync, openSync, readSync } from "node:fs"

/** Set and not turned off, as continuous integration services set CI. */
const isSet = (name) => !["", "0", "false", "no"].includes((process.env[name] ?? "").toLowerCase())

/** What was typed up to the end of the line; undefined at the end of the input. */
const typedLine = () => {
  const terminal = openSync("/dev/tty", "r")
  try {
    const bytes = Buffer.alloc(256)
    const read = readSync(terminal, bytes)
    return read === 0 ? undefined : bytes.toString("utf8", 0, read).trim()
  } finally {
    closeSync(terminal)
  }
}

const asks = (question) => {
  process.stderr.write(`${question} [y/N] `)
  const typed = typedLine()
  // Ctrl-D leaves the cursor behind the question.
  if (typed === undefined) process.stderr.write("\n")
  return /^y(es)?$/i.test(typed ?? "")
}

/**
 * Why nothing may be installed; undefined: it may. With `--yes`, KTSTR_SETUP_YES or CI nobody is asked. Without a terminal there is nobody to ask: root has
 * given its rights by starting set-up, but sudo, which would lend them silently, is not used then.
 */
export const refusal = ({ question, yes, root }) => {
  if (yes || isSet("KTSTR_SETUP_YES") || isSet("CI")) return undefined
  if (process.stdin.isTTY && process.stderr.isTTY) return asks(question) ? undefined : "nothing was installed"
  return root ? undefined : "no terminal to ask on (--yes or KTSTR_SETUP_YES=1 installs without a question)"
}
