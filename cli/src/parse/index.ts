/**
 * What the user typed: the command table, help, and the values of options.
 *
 * @since 0.2.0
 */

export { type Invocation, parse } from "./Arguments.ts"
export type { CommandName, Values } from "./CommandTable.ts"
export { runSettings } from "./RunSettings.ts"
export * as Settings from "./Settings.ts"
export { words } from "./Settings.ts"
export { UsageError } from "./UsageError.ts"
