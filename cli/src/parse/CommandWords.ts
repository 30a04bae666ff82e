/**
 * Separates ktstr's own words from those for another program. Imports the command table only.
 *
 * @since 0.1.0
 */
import { type CommandName, type CommandSpec, commands } from "./CommandTable.ts"

/**
 * Finds the command that the first words name, if they name one.
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
 * Returns the long name of the option in `--name`, `--name=value` or `-n`, if the command has it.
 *
 * @since 0.1.0
 * @category accessors
 */
export const longName = (spec: CommandSpec, word: string): string | undefined => {
  const bare = word.split("=", 1)[0]!
  if (bare.startsWith("--")) return Object.hasOwn(spec.options, bare.slice(2)) ? bare.slice(2) : undefined
  return Object.keys(spec.options).find((name) => spec.options[name]!.alias === bare.slice(1))
}

/** Returns where the guest's command begins: at the first word that is neither an option nor an option's value. */
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
 * Splits the words at `--`, or where the guest's command begins.
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
