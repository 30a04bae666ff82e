/**
 * Recognises the keys that reach ktstr while the terminal is in raw mode: `Ctrl-] q` kills the guest.
 *
 * @since 0.1.0
 */

/**
 * Filters the keys typed on a terminal in raw mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface EscapeKeys {
  /** Returns the keys that go to the guest, and whether to kill the guest. Keys after the killing ones are dropped. */
  readonly filter: (keys: Uint8Array) => { readonly forGuest: Uint8Array; readonly kill: boolean }
}

/** Ctrl-], the escape of telnet and virsh. */
const escapeKey = 0x1d

const killKeys = new Set([..."qQ"].map((key) => key.charCodeAt(0)))

/**
 * Makes a filter. After Ctrl-], `q` kills the guest, a second Ctrl-] sends one Ctrl-], and any other key goes to the guest with its Ctrl-].
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeEscapeKeys = (): EscapeKeys => {
  let escaped = false
  return {
    filter: (keys) => {
      const forGuest: Array<number> = []
      for (const key of keys) {
        if (!escaped) {
          if (key === escapeKey) escaped = true
          else forGuest.push(key)
          continue
        }
        if (killKeys.has(key)) return { forGuest: Uint8Array.from(forGuest), kill: true }
        escaped = false
        if (key !== escapeKey) forGuest.push(escapeKey)
        forGuest.push(key)
      }
      return { forGuest: Uint8Array.from(forGuest), kill: false }
    }
  }
}
