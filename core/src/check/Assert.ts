/**
 * What a run is judged by.
 *
 * @since 0.1.0
 */

import type { ClockMode } from "../machine/index.ts"
import type { CheckSettings } from "./CheckSettings.ts"
import { Checks } from "./Checks.ts"

/**
 * Every field is optional; an unset one inherits from the layer below (default, then scheduler, then scenario, then test). A check that a layer
 * above the default sets and that nothing judges yet makes the run inconclusive: see `ktstr list checks`. `false` switches one off.
 *
 * @since 0.1.0
 * @category models
 */
export type Assert = CheckSettings

const standard = {
  notStarved: true,
  isolation: false,
  maxGapMs: 2000,
  maxSpreadPct: 15,
  maxImbalanceRatio: 4,
  maxLocalDsqDepth: 50,
  failOnStall: true,
  sustainedSamples: 5,
  maxFallbackRate: 200,
  maxKeepLastRate: 100
} as const satisfies Assert

const relaxed = { maxGapMs: 3000, maxSpreadPct: 35 } as const satisfies Assert

/**
 * Emulation factors, applied to the standard thresholds. Under emulation all vCPUs share the host's few threads: with one
 * thread four pinned spinners kept within 3 % of each other and showed gaps of 8 ms, so the relaxed profile leaves room for
 * a busy host, not for the emulator. Latencies have no default: no emulated number is one of real hardware.
 */
const emulated = {
  maxGapMs: relaxed.maxGapMs,
  maxSpreadPct: relaxed.maxSpreadPct,
  /** Instructions that are interpreted take their vCPU longer, so that queues build up: twice the standard. */
  maxImbalanceRatio: 2 * standard.maxImbalanceRatio,
  maxLocalDsqDepth: 2 * standard.maxLocalDsqDepth,
  sustainedSamples: 2 * standard.sustainedSamples
} as const satisfies Assert

/**
 * Virtual time knows no busy host, so that the standard gap holds. All vCPUs share one stream of instructions in turns that a timer ends, hence
 * shares and queues are as uneven as under any emulation.
 */
const deterministic = { ...emulated, maxGapMs: standard.maxGapMs } as const satisfies Assert

/** What is set in `over` wins. */
const overlay = (base: Assert, over: Assert): Assert => {
  const set = Object.fromEntries(Object.entries(over).filter(([, value]) => value !== undefined)) as Assert
  const merged: Assert = { ...base, ...set }
  if (set.notStarved === false) {
    return { ...merged, maxGapMs: set.maxGapMs ?? false, maxSpreadPct: set.maxSpreadPct ?? false }
  }
  if (set.notStarved === true && base.notStarved === false) {
    return {
      ...merged,
      maxGapMs: set.maxGapMs ?? (base.maxGapMs === false ? standard.maxGapMs : base.maxGapMs),
      maxSpreadPct: set.maxSpreadPct ?? (base.maxSpreadPct === false ? standard.maxSpreadPct : base.maxSpreadPct)
    }
  }
  return merged
}

/**
 * A layer with the words by which a message names it: `the scenario`.
 *
 * @since 0.2.0
 * @category models
 */
export interface AssertLayer {
  readonly by: string
  readonly assert: Assert
}

/**
 * All layers merged, with what a layer above the default asked for.
 *
 * @since 0.2.0
 * @category models
 */
export interface SettledAssert {
  readonly assert: Assert
  /** Which layer had the last word on a check that is on; what only the default sets is not among them. */
  readonly setBy: ReadonlyMap<keyof Assert, string>
}

const settle = (base: Assert, layers: ReadonlyArray<AssertLayer>): SettledAssert => {
  const assert = Assert.merge(base, ...layers.map((layer) => layer.assert))
  const setBy = new Map<keyof Assert, string>()
  for (const layer of layers) {
    for (const { name } of Checks.all) {
      if (layer.assert[name] !== undefined && assert[name] !== false) setBy.set(name, layer.by)
    }
  }
  return { assert, setBy }
}

/**
 * The layers and what merges them. No profile but the lowest ones has a check that nothing judges.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Assert: {
  /** The lowest layer on real hardware. */
  readonly standard: Assert
  /** What it changes for runs that must be close to ideal: isolation on, half the gap and two thirds of the spread. */
  readonly strict: Assert
  /** What it changes for small or busy machines: the gap and the spread. */
  readonly relaxed: Assert
  /** For virtual time: the standard gap, and the emulation factors for the rest. */
  readonly deterministic: Assert
  /** The lowest layer for results of this clock: `standard`, `deterministic`, or the relaxed profile with the emulation factors. */
  readonly forClock: (clock: ClockMode) => Assert
  /** Later layers win field by field; `false` switches a check off. */
  readonly merge: (...layers: ReadonlyArray<Assert | undefined>) => Assert
  /** Merges as `merge` does, the default first, and remembers what the layers above it set. */
  readonly settle: (base: Assert, layers: ReadonlyArray<AssertLayer>) => SettledAssert
} = {
  standard,
  strict: { isolation: true, maxGapMs: 1000, maxSpreadPct: 10 },
  relaxed,
  deterministic: { ...standard, ...deterministic },
  forClock: (clock) =>
    clock === "deterministic"
      ? Assert.deterministic
      : clock === "emulated"
        ? { ...standard, ...emulated }
        : Assert.standard,
  merge: (...layers) =>
    layers.reduce<Assert>((merged, layer) => (layer === undefined ? merged : overlay(merged, layer)), {}),
  settle
}
