/**
 * “Did you mean” for mistyped names.
 *
 * @since 0.1.0
 */

/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
const distance = (a: string, b: string): number => {
  let before: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1)
      row.push(best)
    }
    before = last
    last = row
  }
  return last[b.length]!
}

/**
 * The known name that the given one most likely stands for; undefined when none is near.
 *
 * @since 0.1.0
 * @category accessors
 */
export const nearest = (given: string, known: Iterable<string>): string | undefined => {
  const word = given.toLowerCase().replaceAll(/[-_]/g, "")
  let best: { name: string; edits: number } | undefined
  for (const name of known) {
    const other = name.toLowerCase().replaceAll(/[-_]/g, "")
    const edits = word.length >= 3 && other.startsWith(word) ? 1 : distance(word, other)
    if (edits <= Math.max(1, Math.floor(other.length / 3)) && (best === undefined || edits < best.edits)) {
      best = { name, edits }
    }
  }
  return best?.name
}

/**
 * `unknown WHAT 'given'; did you mean 'near'?`, or with the ways to see what there is.
 *
 * @since 0.1.0
 * @category rendering
 */
export const unknownName = (what: string, given: string, known: Iterable<string>, otherwise: string): string => {
  const near = nearest(given, known)
  return `unknown ${what} '${given}'; ${near === undefined ? otherwise : `did you mean '${near}'?`}`
}
