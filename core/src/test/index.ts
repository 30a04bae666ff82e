/**
 * The declaration of tests.
 *
 * @since 0.2.0
 */
export { KtstrTest, KtstrTestError, type KtstrTestOptions, type ScenarioData, type ScenarioInput } from "./KtstrTest.ts"
