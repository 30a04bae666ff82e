/**
 * The keys by which a terminal in raw mode still reaches ktstr: `Ctrl-] q` kills the guest.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface EscapeKeys {
  /** What of these keys is for the guest, and whether the guest is to be killed; keys after that are dropped. */
  readonly filter: (keys: Uint8Array) => { readonly forGuest: Uint8Array; readonly kill: boolean }
}

/** Ctrl-], the escape of telnet and virsh. */
const escapeKey = 0x1d

const killKeys = new Set([..."qQ"].map((key) => key.charCodeAt(0)))

/**
 * After Ctrl-], `q` kills, a second Ctrl-] goes to the guest once, and any other key goes there with the Ctrl-] before it.
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
