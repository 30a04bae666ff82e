/**
 * Renders help texts from the command table. Imports nothing else, so that `ktstr --help` answers at once.
 *
 * @since 0.1.0
 */
import { type CommandName, type CommandSpec, commands, type OptionSpec } from "./CommandTable.ts"
import { commandOf, splitWords } from "./CommandWords.ts"

const columns = (rows: ReadonlyArray<readonly [string, string]>): ReadonlyArray<string> => {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}

const optionRow = ([name, spec]: readonly [string, OptionSpec]): readonly [string, string] => [
  `${spec.alias === undefined ? "    " : `-${spec.alias}, `}--${name}${spec.value === undefined ? "" : ` ${spec.value}`}`,
  `${spec.about}${spec.env === undefined ? "" : ` [${spec.env}]`}`
]

/**
 * Returns the help of one command, at most one screen long.
 *
 * @since 0.1.0
 * @category rendering
 */
export const commandHelp = (name: CommandName): string => {
  const spec: CommandSpec = commands[name]
  const usage = [
    `ktstr ${name}`,
    ...(spec.args === undefined || spec.takesCommand === true ? [] : [spec.args]),
    "[OPTIONS]",
    ...(spec.takesCommand === true && spec.args !== undefined ? [spec.args] : []),
    ...(spec.passThrough === true ? ["[-- ARGS…]"] : [])
  ]
  return [
    spec.summary,
    "",
    `Usage: ${usage.join(" ")}`,
    "",
    ...columns([...Object.entries(spec.options).map(optionRow), ["-h, --help", "this text"]]),
    "",
    ...(spec.details === undefined ? [] : [...spec.details, ""]),
    spec.examples.length === 1 ? "Example:" : "Examples:",
    ...spec.examples.map((line) => `  ${line}`),
    ""
  ].join("\n")
}

/**
 * Returns the help of a group of commands such as `kernel`, or of all commands if `group` is empty.
 *
 * @since 0.1.0
 * @category rendering
 */
export const groupHelp = (group: string): string => {
  const rows = Object.entries(commands as Readonly<Record<string, CommandSpec>>)
    .filter(([name]) => group === "" || name.startsWith(`${group} `))
    .map(([name, spec]) => [[name, spec.args].filter(Boolean).join(" "), spec.summary] as const)
  return [
    group === "" ? "ktstr: a test harness for Linux process schedulers" : `ktstr ${group}`,
    "",
    `Usage: ktstr ${group === "" ? "COMMAND" : `${group} COMMAND`} [OPTIONS]`,
    "",
    ...columns(rows),
    ...(group === ""
      ? [
          "",
          ...columns([
            ["-h, --help", "this text, or a command's own: ktstr run --help"],
            ["--version", "the version"]
          ])
        ]
      : []),
    "",
    group === "" ? "Example:" : "Examples:",
    ...(group === ""
      ? ["  ktstr run steady --topology 1n2l2c1t --duration 5"]
      : rows.map(([name]) => `  ktstr ${name.split(" ").slice(0, 2).join(" ")}`)),
    ""
  ].join("\n")
}

/**
 * Returns the text to print if the words ask for help or the version. Undefined: they don't.
 *
 * @since 0.1.0
 * @category rendering
 */
export const helpFor = (argv: ReadonlyArray<string>, version: string): string | undefined => {
  const { own: words } = splitWords(argv)
  const plain = words.filter((word) => !word.startsWith("-"))
  const asked = words.includes("--help") || words.includes("-h") || words[0] === "help"
  if (!asked) return words.length === 1 && (words[0] === "--version" || words[0] === "-V") ? `${version}\n` : undefined
  const named = words[0] === "help" ? plain.slice(1) : plain
  const command = commandOf(named)
  if (command !== undefined) return commandHelp(command.name)
  const first = named[0]
  if (first === undefined) return groupHelp("")
  return Object.keys(commands).some((name) => name.startsWith(`${first} `)) ? groupHelp(first) : undefined
}
