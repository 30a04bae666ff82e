/**
 * Order and prefixes of kernel releases.
 *
 * @since 0.1.0
 */

/** Returns the sort weight of a character as in deb-version(7): `~` sorts before the end, the end before letters, letters before the rest. */
const weight = (char: string | undefined): number => {
  if (char === "~") return -1
  if (char === undefined || /[0-9]/.test(char)) return 0
  return /[A-Za-z]/.test(char) ? char.charCodeAt(0) : char.charCodeAt(0) + 256
}

const compareParts = (left: string, right: string): number => {
  let i = 0
  let j = 0
  while (i < left.length || j < right.length) {
    while ((i < left.length && !/[0-9]/.test(left[i]!)) || (j < right.length && !/[0-9]/.test(right[j]!))) {
      const difference = weight(left[i]) - weight(right[j])
      if (difference !== 0) return Math.sign(difference)
      i++
      j++
    }
    const a = /^[0-9]*/.exec(left.slice(i))![0]
    const b = /^[0-9]*/.exec(right.slice(j))![0]
    const difference = BigInt(a || "0") - BigInt(b || "0")
    if (difference !== 0n) return difference < 0n ? -1 : 1
    i += a.length
    j += b.length
  }
  return 0
}

const split = (version: string): readonly [epoch: string, upstream: string, revision: string] => {
  const colon = version.indexOf(":")
  const rest = version.slice(colon + 1)
  const dash = rest.lastIndexOf("-")
  return [
    colon < 0 ? "0" : version.slice(0, colon),
    dash < 0 ? rest : rest.slice(0, dash),
    dash < 0 ? "0" : rest.slice(dash + 1)
  ]
}

/**
 * Compares two version numbers like `dpkg --compare-versions`: -1, 0 or 1. Also sorts kernel releases of the same flavour correctly.
 *
 * @since 0.1.0
 * @category ordering
 */
export const compareVersions = (left: string, right: string): -1 | 0 | 1 => {
  const a = split(left)
  const b = split(right)
  for (const index of [0, 1, 2] as const) {
    const order = compareParts(a[index], b[index])
    if (order !== 0) return order < 0 ? -1 : 1
  }
  return 0
}

/**
 * Returns whether `prefix` is `version` or a series that contains it: `7.3` matches `7.3.4+deb13-amd64`, but not `7.30.1`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isVersionPrefix = (prefix: string, version: string): boolean =>
  version === prefix ||
  (version.startsWith(prefix) && /[0-9]$/.test(prefix) && !/^[0-9]/.test(version.slice(prefix.length)))
