/**
 * Describes in one line why a server could not be reached.
 *
 * @since 0.2.0
 */

import { oneLine } from "@ktstr/core/base"

interface SocketError {
  readonly code: string
  readonly text: string
  /** Of a failed look-up. */
  readonly host: string
}

/** Returns the innermost cause with a message: undici wraps the error of the socket, and Effect wraps undici's. */
const innermost = (error: unknown): SocketError => {
  let found: SocketError = { code: "", text: "no connection", host: "" }
  let at = error
  for (let depth = 0; at instanceof Error && depth < 8; depth++) {
    const code = "code" in at && typeof at.code === "string" ? at.code : ""
    const host = "hostname" in at && typeof at.hostname === "string" ? at.hostname : ""
    const text = at.message || code
    if (text !== "") found = { code: code || found.code, text, host }
    // Node tries each address of a host and reports all of them.
    at = at instanceof AggregateError && at.errors.length > 0 ? at.errors[0] : at.cause
  }
  return { ...found, text: oneLine(found.text) }
}

const words: Readonly<Record<string, (error: SocketError) => string>> = {
  ENOTFOUND: ({ host }) => `no such host as ${host || "this"}: no network, or no DNS (ENOTFOUND)`,
  EAI_AGAIN: ({ host }) => `the name ${host || "of the host"} can't be looked up: no network, or no DNS (EAI_AGAIN)`,
  ENETUNREACH: () => "no network (ENETUNREACH)",
  ECONNRESET: () => "the server reset the connection (ECONNRESET)",
  UND_ERR_SOCKET: () => "the server closed the connection before its answer was complete",
  UND_ERR_CONNECT_TIMEOUT: () => "no connection within 10 s",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: () => "the answer is not as long as its Content-Length says"
}

/** Failures that a retry can't change: the name, or the issuer of the certificate. */
const lasting = /^(?:ENOTFOUND|ERR_INVALID_URL|ERR_TLS_\w+|CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_\w+|HPE_\w+)$/

const isCertificate = (code: string): boolean => /^(?:ERR_TLS_|CERT_|UNABLE_TO_)|SELF_SIGNED/.test(code)

/**
 * Describes a client's error, with the system's code in parentheses. Addresses are left out, because they may contain signatures.
 *
 * @since 0.2.0
 * @category rendering
 */
export const transportWords = (error: unknown): string => {
  const found = innermost(error)
  if (isCertificate(found.code)) {
    return `the server's certificate is not trusted: ${found.text} (${found.code}); a proxy or a login page of the network may have answered`
  }
  if (found.code.startsWith("HPE_")) return `the answer is not HTTP (${found.code})`
  return words[found.code]?.(found) ?? found.text
}

/**
 * Returns whether a retry can succeed.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isPassing = (error: unknown): boolean => !lasting.test(innermost(error).code)
