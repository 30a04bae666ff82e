/**
 * Which kernel, scheduler or test the user meant.
 *
 * @since 0.2.0
 */
export { chooseTest, type DeclaredTest, describeTest, fileOf } from "./DeclaredTests.ts"
export { chosenKernel, chosenKernels, oneKernel } from "./KernelChoice.ts"
export { chosenSchedulers } from "./SchedulerChoice.ts"
