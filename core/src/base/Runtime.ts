/**
 * Which JavaScript runtime this is: a few things of Node behave differently on the others.
 *
 * @since 0.2.0
 */

/**
 * The runtime of this process.
 *
 * @since 0.2.0
 * @category constants
 */
export const runtime: "node" | "deno" | "bun" = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node"
