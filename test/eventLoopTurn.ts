// Lets the event loop turn after each unit test. Tests that only wait for their own synchronous work never let it, and vitest takes a worker that
// has not read an answer for a minute for a broken one.
import { setImmediate } from "node:timers/promises"
import { afterEach } from "vitest"

afterEach(() => setImmediate())
