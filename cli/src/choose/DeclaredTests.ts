/**
 * Finds tests of `*.ktstr.ts` files by name.
 *
 * @since 0.1.0
 */

import { suggestion } from "@ktstr/core/base"
import { Either } from "effect"
import { UsageError } from "../parse/index.ts"

/**
 * Identifies a test in a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface DeclaredTest {
  /** The path relative to the working directory. */
  readonly file: string
  /** The full name in vitest: `suite > ktstr/name`. */
  readonly name: string
}

/** Returns the name that the test's author gave: `suite > name`. */
const shortName = ({ name }: DeclaredTest): string => name.replace(/(^| > )ktstr\//, "$1")

/**
 * Returns `file > suite > name`.
 *
 * @since 0.1.0
 * @category rendering
 */
export const describeTest = (test: DeclaredTest): string => `${test.file} > ${shortName(test)}`

/**
 * Returns the file at the start of a name such as `file > name`, if there is one.
 *
 * @since 0.1.0
 * @category parsing
 */
export const fileOf = (name: string): string | undefined => /^(\S*\.ktstr\.[cm]?[jt]sx?) > /.exec(name)?.[1]

/** Limits how many tests an error message names. */
const maxNamed = 5

/**
 * Returns the one test that `wanted` names: by its full name, with or without suites and file, otherwise by any part of its name. `others` are more
 * names to suggest.
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
    const more = found.length > maxNamed ? ` and ${found.length - maxNamed} more` : ""
    const named = found.slice(0, maxNamed).map((test) => `'${describeTest(test)}'`)
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
