/**
 * The tests of `*.ktstr.ts` files by name.
 *
 * @since 0.1.0
 */

import { suggestion } from "@ktstr/core/base"
import { Either } from "effect"
import { UsageError } from "../parse/index.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface DeclaredTest {
  /** Below the working directory. */
  readonly file: string
  /** As vitest shows it: `suite > ktstr/name`. */
  readonly name: string
}

/** The test as its author calls it: `suite > name`. */
const shortName = ({ name }: DeclaredTest): string => name.replace(/(^| > )ktstr\//, "$1")

/**
 * `file > suite > name`.
 *
 * @since 0.1.0
 * @category rendering
 */
export const describeTest = (test: DeclaredTest): string => `${test.file} > ${shortName(test)}`

/**
 * The file that a name begins with: `file > name`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const fileOf = (name: string): string | undefined => /^(\S*\.ktstr\.[cm]?[jt]sx?) > /.exec(name)?.[1]

/** Tests are as many as one line can name. */
const mostNamed = 5

/**
 * The one test that `wanted` names: its whole name, with or without its suites and its file, else any part of its name. `others` are names
 * that would have been possible as well.
 *
 * @since 0.1.0
 * @category parsing
 */
export const chooseTest = (
  wanted: string,
  tests: ReadonlyArray<DeclaredTest>,
  others: ReadonlyArray<string> = []
): Either.Either<DeclaredTest, UsageError> => {
  const file = fileOf(wanted)?.replace(/^\.\//, "")
  const rest = file === undefined ? wanted : wanted.slice(wanted.indexOf(" > ") + 3)
  const there =
    file === undefined ? tests : tests.filter((test) => test.file === file || test.file.endsWith(`/${file}`))
  const names = (test: DeclaredTest) => [test.name, shortName(test), shortName(test).split(" > ").at(-1)]
  const exact = there.filter((test) => names(test).includes(rest))
  const found = exact.length > 0 ? exact : there.filter((test) => shortName(test).includes(rest))
  const [only] = found
  if (only !== undefined && found.length === 1) return Either.right(only)
  if (found.length > 1) {
    const more = found.length > mostNamed ? ` and ${found.length - mostNamed} more` : ""
    const named = found.slice(0, mostNamed).map((test) => `'${describeTest(test)}'`)
    return Either.left(
      new UsageError({ message: `${found.length} tests are called '${wanted}': ${named.join(", ")}${more}; name one` })
    )
  }
  const known = file === undefined ? [...others, ...there.map(shortName)] : there.map(shortName)
  return Either.left(
    new UsageError({
      message:
        file === undefined
          ? `no scenario and no test is called '${wanted}'${suggestion(rest, known)}`
          : `no test of ${file} is called '${rest}'${suggestion(rest, known)}`
    })
  )
}
