/**
 * The command that repeats a failed run.
 *
 * @since 0.2.0
 */
import { Schema } from "effect"
import type { ReplayRequest } from "./ReplayRequest.ts"

/**
 * How to repeat a run, as recorded in its result.
 *
 * @since 0.2.0
 * @category models
 */
export class Rerun extends Schema.Class<Rerun>("Rerun")({
  /** One line for a POSIX shell, to be run in the directory in which the first run was started. */
  command: Schema.String,
  /** SHA-256 of the scheduler's program, lower-case hex; null: the scheduler is part of the kernel. */
  schedulerSha256: Schema.NullOr(Schema.String)
}) {}

/**
 * How a run was requested, so that its command can be reconstructed.
 *
 * @since 0.2.0
 * @category models
 */
export interface RerunRequest {
  /** The words of the command, starting with `ktstr`; environment variables that it needs are put in front. */
  readonly words: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Words after `--`, which follow everything added to {@link words}: arguments for vitest. */
  readonly rest?: ReadonlyArray<string> | undefined
  /** The replay request, for a deterministic run. */
  readonly replay?: ReplayRequest | undefined
}

/** Words that need no quoting in a POSIX shell. */
const plain = /^[\w@%+=:,./-]+$/

/**
 * Quotes a word for a POSIX shell, if it needs quotes.
 *
 * @since 0.2.0
 * @category formatting
 */
export const shellWord = (word: string): string =>
  plain.test(word) && !/^[\w]+=/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/**
 * Joins words to a line for a POSIX shell.
 *
 * @since 0.2.0
 * @category formatting
 */
export const shellLine = (words: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}): string =>
  [...Object.entries(environment).map(([name, value]) => `${name}=${shellWord(value)}`), ...words.map(shellWord)].join(
    " "
  )

/**
 * Number of digits of the scheduler's hash in a command: `--scheduler-hash`.
 *
 * @since 0.2.0
 * @category constants
 */
export const schedulerHashDigits = 16

/**
 * Returns the command of a run without a replay file.
 *
 * @since 0.2.0
 * @category formatting
 */
export const rerunCommand = (
  { environment, rest = [], words }: RerunRequest,
  schedulerSha256: string | null
): string => {
  const hash = schedulerSha256 === null ? [] : ["--scheduler-hash", schedulerSha256.slice(0, schedulerHashDigits)]
  return shellLine([...words, ...hash, ...(rest.length === 0 ? [] : ["--", ...rest])], environment)
}

/**
 * Returns a warning if the scheduler's program differs from the one that a command or replay file names; undefined if it is the same. `then` may be a
 * prefix of the hash.
 *
 * @since 0.2.0
 * @category comparing
 */
export const changedScheduler = (program: string, then: string, now: string): string | undefined =>
  now.startsWith(then.toLowerCase())
    ? undefined
    : `the scheduler has changed since: ${program} is ${now.slice(0, schedulerHashDigits)} now, was ${then.slice(0, schedulerHashDigits)} (SHA-256)`
