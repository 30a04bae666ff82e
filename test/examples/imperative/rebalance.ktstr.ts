// The same program as a test.
import { ktstrTest } from "@ktstr/vitest"
import { rebalance } from "./Rebalance.ts"

ktstrTest("the one ahead is confined", { cores: 2, durationS: 2 }, rebalance.build)
