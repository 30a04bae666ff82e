/**
 * Parses the words of the command line into an invocation, by the command table.
 *
 * Options may stand before, between and behind positional arguments. Each error is one line that names the wrong word and what is right.
 *
 * @since 0.1.0
 */
import { didYouMean } from "@ktstr/core/base"
import { Config, Effect, Option } from "effect"
import { type CommandName, type CommandSpec, commands, type OptionSpec, type Values } from "./CommandTable.ts"
import { commandOf, longName, splitWords } from "./CommandWords.ts"
import { UsageError } from "./UsageError.ts"

/**
 * Holds a command and its values, ready to be executed.
 *
 * @since 0.1.0
 * @category models
 */
export type Invocation = {
  readonly [C in CommandName]: {
    readonly command: C
    readonly values: Values<C>
    readonly args: ReadonlyArray<string>
    /** The words after `--`, or the command for the guest. */
    readonly rest: ReadonlyArray<string>
  }
}[CommandName]

type Value = string | boolean | ReadonlyArray<string> | undefined

/** Says `unknown WHAT 'given'; did you mean 'near'?`, or where to look when nothing is near. */
const unknownName = (what: string, given: string, known: Iterable<string>, otherwise: string): string => {
  const near = didYouMean(given, known)
  return `unknown ${what} '${given}'; ${near === undefined ? otherwise : `did you mean '${near}'?`}`
}

const usage = (message: string) => Effect.fail(new UsageError({ message }))

/** Separates the words of a command into its options, by long name, and its positional arguments. A switch has the text "". */
const separate = Effect.fn("Arguments.separate")(function* (name: CommandName, words: ReadonlyArray<string>) {
  const spec: CommandSpec = commands[name]
  const given = new Map<string, ReadonlyArray<string>>()
  const args: Array<string> = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (!word.startsWith("-") || word === "-") {
      args.push(word)
      continue
    }
    const long = longName(spec, word)
    if (long === undefined) {
      const known = Object.keys(spec.options).map((option) => `--${option}`)
      return yield* usage(unknownName("option", word.split("=", 1)[0]!, known, `see: ktstr ${name} --help`))
    }
    const option = spec.options[long]!
    if (given.has(long) && option.repeated !== true) {
      const once = option.value === undefined ? "it" : `--${long} ${option.value}`
      return yield* usage(`--${long} was given twice, and ktstr ${name} takes one: give ${once} once`)
    }
    const equals = word.indexOf("=")
    if (option.value === undefined) {
      if (equals >= 0) return yield* usage(`--${long} takes no value, got '${word.slice(equals + 1)}'`)
      given.set(long, [""])
      continue
    }
    const value = equals >= 0 ? word.slice(equals + 1) : words[++i]
    if (value === undefined || value === "") return yield* usage(`--${long} needs a value: --${long} ${option.value}`)
    given.set(long, [...(given.get(long) ?? []), value])
  }
  const max = spec.maxArgs ?? (spec.args === undefined ? 0 : Number.POSITIVE_INFINITY)
  if (args.length > max) {
    return yield* usage(
      `ktstr ${name} takes ${max === 0 ? "no" : `at most ${max}`} argument${max === 1 ? "" : "s"}, got '${args[max]}'`
    )
  }
  return { given, args }
})

/** Gives every option of a command its value: what was given, else its variable, else undefined, false or no values. */
const valuesOf = (name: CommandName, given: ReadonlyMap<string, ReadonlyArray<string>>) =>
  Effect.forEach(
    Object.entries<OptionSpec>(commands[name].options),
    Effect.fnUntraced(function* ([long, option]) {
      const texts = given.get(long) ?? []
      let value: Value = texts[0]
      if (option.value === undefined) value = texts.length > 0
      else if (option.repeated === true) value = texts
      else if (value === undefined && option.env !== undefined) {
        value = Option.getOrUndefined(yield* Effect.option(Config.nonEmptyString(option.env)))
      }
      return [long, value] as const
    })
  ).pipe(Effect.map(Object.fromEntries))

const unknownCommand = (words: ReadonlyArray<string>): string => {
  const first = words[0]!
  if (first.startsWith("-")) return `unknown option '${first}'; the command comes first: ktstr COMMAND [OPTIONS]`
  const members = Object.keys(commands).filter((name) => name.startsWith(`${first} `))
  if (members.length > 0) {
    const known = members.map((name) => name.split(" ")[1]!)
    if (words[1] === undefined) return `ktstr ${first} needs a command: ${known.join(", ")}`
    return unknownName(`${first} command`, words[1], known, `there are: ${known.join(", ")}`)
  }
  const known = new Set(Object.keys(commands).map((name) => name.split(" ", 1)[0]!))
  return unknownName("command", first, known, "see: ktstr --help")
}

/**
 * Parses the words behind `ktstr`. Prints nothing; fails with what is wrong in one line.
 *
 * @since 0.1.0
 * @category constructors
 */
export const parse = Effect.fn("Arguments.parse")(function* (
  argv: ReadonlyArray<string>
): Effect.fn.Return<Invocation, UsageError> {
  const { own: words, rest } = splitWords(argv)
  if (words.length === 0) return yield* usage("no command given; see: ktstr --help")
  const named = commandOf(words)
  if (named === undefined) return yield* usage(unknownCommand(words))
  const { name, used } = named
  const spec: CommandSpec = commands[name]
  const { given, args } = yield* separate(name, words.slice(used))
  if (rest.length > 0 && spec.passThrough !== true && spec.takesCommand !== true) {
    return yield* usage(`ktstr ${name} takes no arguments after --, got '${rest[0]}'`)
  }
  // The values were parsed under this command's own options, which is what the type says.
  return { command: name, values: yield* valuesOf(name, given), args, rest } as unknown as Invocation
})
