/**
 * Tests of schedulers under vitest. The plugin for vitest's configuration is `@ktstr/vitest/plugin`.
 *
 * @since 0.1.0
 */
export * from "./Harness.ts"
export * from "./KtstrTest.ts"
