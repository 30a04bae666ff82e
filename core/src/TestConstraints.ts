/**
 * Which machines a test, or a scheduler, is for.
 *
 * @since 0.1.0
 */

/**
 * The machines a test fits; where its topology does not, it is skipped with the reason. An unset field is not judged for the
 * test's own topology.
 *
 * @since 0.1.0
 * @category models
 */
export interface TestConstraints {
  readonly minLlcs?: number
  readonly maxLlcs?: number
  readonly minCpus?: number
  readonly maxCpus?: number
  readonly minNumaNodes?: number
  readonly maxNumaNodes?: number
  /** More than one thread per core. */
  readonly requiresSmt?: boolean
}
