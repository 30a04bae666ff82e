/**
 * From the words of the command line to an invocation: @effect/cli parses, under the definitions of the command table.
 *
 * What @effect/cli leaves open is settled before it sees the words: options may stand behind positional arguments, and a
 * mistyped name is answered in one line with the name that was meant.
 *
 * @since 0.1.0
 */
import { stripVTControlCharacters } from "node:util"
import * as Args from "@effect/cli/Args"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import { didYouMean } from "@ktstr/core/base"
import { Array as Arr, Config, Console, Effect, Layer, Option } from "effect"
import { type CommandName, type CommandSpec, commands, type OptionSpec, type Values } from "./CommandTable.ts"
import { commandOf, longName, splitWords } from "./CommandWords.ts"
import { UsageError } from "./UsageError.ts"

/**
 * A command with its values, ready to be executed.
 *
 * @since 0.1.0
 * @category models
 */
export type Invocation = {
  readonly [C in CommandName]: {
    readonly command: C
    readonly values: Values<C>
    readonly args: ReadonlyArray<string>
    /** What stood after `--`, or the command for the guest. */
    readonly rest: ReadonlyArray<string>
  }
}[CommandName]

type Value = string | boolean | ReadonlyArray<string> | undefined

const specs: Readonly<Record<string, CommandSpec>> = commands

const optionOf = (name: string, spec: OptionSpec): Options.Options<Value> => {
  if (spec.value === undefined) return Options.boolean(name)
  const text = Options.text(name)
  if (spec.repeated === true) return Options.repeated(text)
  const withVariable =
    spec.env === undefined
      ? text
      : Options.withFallbackConfig(text, Config.nonEmptyString(spec.env)).pipe(Options.withDescription(spec.about))
  return Options.map(Options.optional(withVariable), Option.getOrUndefined)
}

type Parsed = { readonly values: Readonly<Record<string, Value>>; readonly args: ReadonlyArray<string> }

/** The tree of @effect/cli commands; each one only hands its values to `found`. */
const treeOf = (found: (parsed: Parsed) => void) => {
  const leaf = (word: string, name: CommandName) => {
    const spec: CommandSpec = commands[name]
    const values = Object.fromEntries(Object.entries(spec.options).map(([key, option]) => [key, optionOf(key, option)]))
    const args: Args.Args<ReadonlyArray<string>> =
      spec.args === undefined || spec.takesCommand === true
        ? Args.map(Args.none, () => [])
        : Args.repeated(Args.text({ name: "arg" }))
    const command = Command.make(word, { values, args }, (parsed) => Effect.sync(() => found(parsed)))
    return Command.withDescription(command, spec.summary)
  }
  const names = Object.keys(commands) as ReadonlyArray<CommandName>
  const groups = Arr.groupBy(names, (name) => name.split(" ", 1)[0]!)
  const subcommands = Object.entries(groups).map(([word, members]) =>
    members.length === 1 && members[0] === word
      ? leaf(word, members[0])
      : Command.make(word).pipe(Command.withSubcommands(Arr.map(members, (name) => leaf(name.split(" ")[1]!, name))))
  )
  if (!Arr.isNonEmptyArray(subcommands)) throw new Error("the command table is empty")
  return Command.make("ktstr").pipe(Command.withSubcommands(subcommands))
}

/** `unknown WHAT 'given'; did you mean 'near'?`, or where to look when nothing is near. */
const unknownName = (what: string, given: string, known: Iterable<string>, otherwise: string): string => {
  const near = didYouMean(given, known)
  return `unknown ${what} '${given}'; ${near === undefined ? otherwise : `did you mean '${near}'?`}`
}

const usage = (message: string) => Effect.fail(new UsageError({ message }))

/** Options first, each `--name=value` or a bare switch; then the positional arguments. */
const canonical = Effect.fn("Arguments.canonical")(function* (name: CommandName, words: ReadonlyArray<string>) {
  const spec: CommandSpec = commands[name]
  const options: Array<string> = []
  const args: Array<string> = []
  const seen = new Set<string>()
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
    if (seen.has(long) && option.repeated !== true) {
      const once = option.value === undefined ? "it" : `--${long} ${option.value}`
      return yield* usage(`--${long} was given twice, and ktstr ${name} takes one: give ${once} once`)
    }
    seen.add(long)
    const equals = word.indexOf("=")
    if (option.value === undefined) {
      if (equals >= 0) return yield* usage(`--${long} takes no value, got '${word.slice(equals + 1)}'`)
      options.push(`--${long}`)
      continue
    }
    const value = equals >= 0 ? word.slice(equals + 1) : words[++i]
    if (value === undefined || value === "") return yield* usage(`--${long} needs a value: --${long} ${option.value}`)
    options.push(`--${long}`, value)
  }
  const most = spec.maxArgs ?? (spec.args === undefined ? 0 : Number.POSITIVE_INFINITY)
  if (args.length > most) {
    return yield* usage(
      `ktstr ${name} takes ${most === 0 ? "no" : `at most ${most}`} argument${most === 1 ? "" : "s"}, got '${args[most]}'`
    )
  }
  return { options, args }
})

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

const environment = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer)

/**
 * Parses the words behind `ktstr`. Prints nothing.
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
  const { options, args } = yield* canonical(name, words.slice(used))
  if (rest.length > 0 && specs[name]!.passThrough !== true && specs[name]!.takesCommand !== true) {
    return yield* usage(`ktstr ${name} hands nothing on, yet there are words after --: '${rest[0]}'`)
  }
  let result: Parsed | undefined
  const tree = treeOf((parsed) => {
    result = parsed
  })
  const run = Command.run(tree, { name: "ktstr", version: "", executable: "ktstr" })
  const silent = { ...(yield* Console.consoleWith(Effect.succeed)), error: () => Effect.void }
  yield* run(["node", "ktstr", ...name.split(" "), ...options, ...args]).pipe(
    Effect.withConsole(silent),
    Effect.provide(environment),
    Effect.provideService(CliConfig.CliConfig, CliConfig.make({ isCaseSensitive: true, showBuiltIns: false })),
    Effect.catchIf(ValidationError.isValidationError, (error) =>
      usage(
        stripVTControlCharacters(HelpDoc.toAnsiText(error.error))
          .trim()
          .replaceAll(/\s*\n\s*/g, "; ")
      )
    )
  )
  if (result === undefined) return yield* usage(`ktstr ${name} could not be understood; see: ktstr ${name} --help`)
  // The values were parsed under this command's own options, which is what the type says.
  return { command: name, values: result.values, args: result.args, rest } as unknown as Invocation
})
