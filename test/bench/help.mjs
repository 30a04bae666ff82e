// How long a user waits for `ktstr --help`, beside Node alone.
import { medians } from "./hyperfine.mjs"

export const helpTime = async (root) => {
  const [help, node] = medians(["node cli/dist/bin.js --help", "node -e 0"], { runs: 20, warmup: 3, cwd: root })
  const ms = (seconds) => Math.round(seconds * 1000)
  return [
    { name: "ktstr --help", value: ms(help), unit: "ms", target: 250, note: `median of 20; node alone ${ms(node)} ms` }
  ]
}
