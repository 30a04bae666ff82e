/**
 * JSON that a terminal only shows.
 *
 * @since 0.2.0
 */

/** DEL, C1 controls and marks of writing direction: JSON may have them as they are, and a terminal obeys them. */
const unseen = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * The value as JSON in which every control character is an escape, so the same value for whoever parses it.
 *
 * @since 0.2.0
 * @category conversions
 */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(
    unseen,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
