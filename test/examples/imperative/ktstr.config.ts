// Puts the scenario beside the canned ones: `npx ktstr run rebalance`, in a machine or with --host, from this directory.
import { registerScenarios } from "@ktstr/core"
import { rebalance } from "./Rebalance.ts"

export default { plugins: [registerScenarios([rebalance])] }
