// `npm run lab -- COMMAND`: hands over to the lab.
import { runBundled } from "../runBundled.mjs"

await runBundled(import.meta.url)
