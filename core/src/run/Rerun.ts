/**
 * The command that runs a failed run again.
 *
 * @since 0.2.0
 */
import { Schema } from "effect"
import type { ReplayRequest } from "./ReplayRequest.ts"

/**
 * As a result has it.
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
 * What whoever asks for a run says of how it was asked for.
 *
 * @since 0.2.0
 * @category models
 */
export interface RerunRequest {
  /** The words of the command, `ktstr` first; variables of the environment that it needs come before it. */
  readonly words: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Words that come last, behind what is added to {@link words}: what is handed on to vitest. */
  readonly rest?: ReadonlyArray<string> | undefined
  /** For a deterministic run, of which a replay file can be made. */
  readonly replay?: ReplayRequest | undefined
}

/** Nothing that a POSIX shell takes for more than itself. */
const plain = /^[\w@%+=:,./-]+$/

/**
 * A word for a POSIX shell: as it is, or in single quotes.
 *
 * @since 0.2.0
 * @category formatting
 */
export const shellWord = (word: string): string =>
  plain.test(word) && !/^[\w]+=/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/**
 * Words as a line for a POSIX shell.
 *
 * @since 0.2.0
 * @category formatting
 */
export const shellLine = (words: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}): string =>
  [...Object.entries(environment).map(([name, value]) => `${name}=${shellWord(value)}`), ...words.map(shellWord)].join(
    " "
  )

/**
 * Digits of the scheduler's hash that a command carries: `--scheduler-hash`.
 *
 * @since 0.2.0
 * @category constants
 */
export const schedulerHashDigits = 16

/**
 * The command of a run without a replay file.
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
 * What is said when a scheduler is not the one that a command or a replay file names; undefined: it is. `then` may be the beginning of
 * the hash.
 *
 * @since 0.2.0
 * @category comparing
 */
export const changedScheduler = (program: string, then: string, now: string): string | undefined =>
  now.startsWith(then.toLowerCase())
    ? undefined
    : `the scheduler has changed since: ${program} is ${now.slice(0, schedulerHashDigits)} now, was ${then.slice(0, schedulerHashDigits)} (SHA-256)`
