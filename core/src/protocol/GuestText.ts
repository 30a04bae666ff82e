/**
 * Makes text from a guest safe for terminals.
 *
 * @since 0.2.0
 */

/** C0 except tab and newline, DEL, C1, and the marks that change the text direction: characters that a terminal would obey rather than show. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to escape
const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const escaped = (character: string): string => {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

/**
 * Escapes every control character in a text (`\x1b`), so that a guest, the scheduler under test or a payload can't move the cursor, set the title or
 * hide lines in the reader's terminal. Tabs and newlines stay.
 *
 * @since 0.2.0
 * @category conversions
 */
export const printable = (text: string): string => text.replace(unsafe, escaped)
