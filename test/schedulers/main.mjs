// `npm run schedulers` and `npm run table:schedulers`: hands over to the commands.
import { runBundled } from "../runBundled.mjs"

await runBundled(import.meta.url)
