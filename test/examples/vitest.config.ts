// What it takes to run the tests of this folder with plain vitest: `npx vitest run --root test/examples`.
import { ktstr } from "@ktstr/vitest/plugin"
import { defineConfig } from "vitest/config"

export default defineConfig({ plugins: [ktstr()] })
