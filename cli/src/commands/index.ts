/**
 * The commands, loaded when they are used.
 *
 * @since 0.2.0
 */
export { execute } from "./execute.ts"
