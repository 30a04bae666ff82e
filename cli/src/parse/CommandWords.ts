/**
 * Which of the words behind `ktstr` are its own, and which are for somebody else. Imports the command table only.
 *
 * @since 0.1.0
 */
import { type CommandName, type CommandSpec, commands } from "./CommandTable.ts"

/**
 * Finds the command that the first words name, as far as they name one.
 *
 * @since 0.1.0
 * @category accessors
 */
export const commandOf = (words: ReadonlyArray<string>): { name: CommandName; used: number } | undefined => {
  for (const used of [2, 1]) {
    const name = words.slice(0, used).join(" ")
    if (words.length >= used && Object.hasOwn(commands, name)) return { name: name as CommandName, used }
  }
  return undefined
}

/**
 * What `--name`, `--name=value`, `-n` names in this command, under its long name.
 *
 * @since 0.1.0
 * @category accessors
 */
export const longName = (spec: CommandSpec, word: string): string | undefined => {
  const bare = word.split("=", 1)[0]!
  if (bare.startsWith("--")) return Object.hasOwn(spec.options, bare.slice(2)) ? bare.slice(2) : undefined
  return Object.keys(spec.options).find((name) => spec.options[name]!.alias === bare.slice(1))
}

/** Where the command for the guest begins: at the first word that is neither an option nor an option's value. */
const guestCommandAt = (spec: CommandSpec, words: ReadonlyArray<string>, from: number): number => {
  let at = from
  while (at < words.length) {
    const word = words[at]!
    if (word === "--" || word === "-" || !word.startsWith("-")) return at
    const long = longName(spec, word)
    const takesNext = long !== undefined && spec.options[long]!.value !== undefined && !word.includes("=")
    at += takesNext ? 2 : 1
  }
  return words.length
}

/**
 * Splits at `--`, or where the command for a guest begins.
 *
 * @since 0.1.0
 * @category parsing
 */
export const splitWords = (
  argv: ReadonlyArray<string>
): { readonly own: ReadonlyArray<string>; readonly rest: ReadonlyArray<string> } => {
  const named = commandOf(argv)
  const spec: CommandSpec | undefined = named === undefined ? undefined : commands[named.name]
  const cut = spec?.takesCommand === true ? guestCommandAt(spec, argv, named!.used) : argv.indexOf("--")
  if (cut < 0) return { own: argv, rest: [] }
  return { own: argv.slice(0, cut), rest: argv.slice(argv[cut] === "--" ? cut + 1 : cut) }
}
