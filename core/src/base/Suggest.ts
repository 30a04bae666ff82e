/**
 * “Did you mean” suggestions for unknown names.
 *
 * @since 0.1.0
 */

/**
 * Counts the edits (insert, delete, replace, swap of neighbours) that turn one text into the other: the Damerau-Levenshtein distance in its optimal
 * string alignment form.
 *
 * @since 0.1.0
 * @category algorithms
 */
export const editDistance = (a: string, b: string): number => {
  let beforeLast: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row: Array<number> = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/**
 * Returns the candidate closest to a mistyped name, or undefined if none is close. A candidate is close if at most a third of the longer name's
 * letters (and at least one) differ, ignoring case, or if it starts with the typed text (3 letters or more).
 *
 * @since 0.1.0
 * @category algorithms
 */
export const didYouMean = (name: string, candidates: Iterable<string>): string | undefined => {
  const wanted = name.toLowerCase()
  let best: { readonly candidate: string; readonly distance: number } | undefined
  for (const candidate of candidates) {
    const text = candidate.toLowerCase()
    const begins = wanted.length >= 3 && text.startsWith(wanted)
    const distance = begins ? 1 : editDistance(wanted, text)
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, text.length) / 3))
    if (distance <= allowed && (best === undefined || distance < best.distance)) best = { candidate, distance }
  }
  return best?.candidate
}

/**
 * Returns the end of an error message about an unknown name: `; did you mean 'steady'?` if a candidate is close, else the list of candidates if it is
 * short, else nothing.
 *
 * @since 0.1.0
 * @category algorithms
 */
export const suggestion = (name: string, candidates: Iterable<string>): string => {
  const all = [...candidates]
  const near = didYouMean(name, all)
  if (near !== undefined) return `; did you mean '${near}'?`
  return all.length > 0 && all.length <= 30 ? `; there are: ${all.join(", ")}` : ""
}
