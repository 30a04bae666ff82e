// What virtual time costs: the wall time of a deterministic run against the same run on plain emulation.
import { cachedKernel } from "./cachedKernel.mjs"
import { medians } from "./hyperfine.mjs"

const runs = 5

export const deterministicCost = async (root) => {
  const { key } = cachedKernel(root)
  const run = `node cli/dist/bin.js run steady --kernel ${key} --topology 1n2l2c1t --duration 5`
  const [deterministic, plain] = medians([`${run} --clock deterministic --seed 1`, `${run} --vmm qemu-tcg`], {
    runs,
    warmup: 1,
    cwd: root
  })
  return [
    {
      name: "deterministic run / plain emulation",
      value: (deterministic / plain).toFixed(2),
      unit: "x",
      target: 3,
      note: `steady for 5 s, medians of ${runs}: ${deterministic.toFixed(1)} s against ${plain.toFixed(1)} s`
    }
  ]
}
