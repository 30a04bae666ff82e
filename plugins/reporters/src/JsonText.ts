/**
 * JSON without bytes that control a terminal.
 *
 * @since 0.2.0
 */

/** DEL, C1 controls and bidirectional marks: JSON may contain them unescaped, and a terminal obeys them. */
const unseen = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * Formats a value as JSON with every control character escaped. Parsers read the same value.
 *
 * @since 0.2.0
 * @category conversions
 */
export const jsonText = (value: unknown, indent?: number): string =>
  JSON.stringify(value, undefined, indent).replace(
    unseen,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
