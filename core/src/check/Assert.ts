/**
 * The checks and thresholds that a run is judged by.
 *
 * @since 0.1.0
 */

import type { ClockMode } from "../machine/index.ts"
import type { CheckSettings } from "./CheckSettings.ts"
import { Checks } from "./Checks.ts"

/**
 * The checks of one layer. Every field is optional; an unset field inherits from the layer below (default, then scheduler, then scenario, then test).
 * `false` switches a check off. If a layer above the default sets a check that nothing judges yet, the run is inconclusive: see `ktstr list checks`.
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
 * Emulation factors, applied to the standard thresholds. Under emulation all vCPUs share the host's few threads. On one thread, four pinned spinners
 * stayed within 3 % of each other and showed gaps of 8 ms, so the relaxed profile leaves room for a busy host, not for the emulator. Latencies have
 * no default, because latencies under emulation are not hardware latencies.
 */
const emulated = {
  maxGapMs: relaxed.maxGapMs,
  maxSpreadPct: relaxed.maxSpreadPct,
  /** Interpreted instructions take longer, so queues build up: twice the standard. */
  maxImbalanceRatio: 2 * standard.maxImbalanceRatio,
  maxLocalDsqDepth: 2 * standard.maxLocalDsqDepth,
  sustainedSamples: 2 * standard.sustainedSamples
} as const satisfies Assert

/**
 * Virtual time is not affected by a busy host, so the standard gap applies. All vCPUs share one stream of instructions and take turns that a timer
 * ends, so shares and queues are as uneven as under any emulation.
 */
const deterministic = { ...emulated, maxGapMs: standard.maxGapMs } as const satisfies Assert

/** Merges two layers; values set in `over` win. */
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
 * A layer, with the words that name it in messages: `the scenario`.
 *
 * @since 0.2.0
 * @category models
 */
export interface AssertLayer {
  readonly by: string
  readonly assert: Assert
}

/**
 * All layers merged, and which checks the layers above the default asked for.
 *
 * @since 0.2.0
 * @category models
 */
export interface SettledAssert {
  readonly assert: Assert
  /** The last layer that set each active check; checks set only by the default are left out. */
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
 * The predefined layers and the functions that merge them. Only the default layers contain checks that nothing judges.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Assert: {
  /** The lowest layer on real hardware. */
  readonly standard: Assert
  /** Changes for runs that must be close to ideal: isolation on, half the gap and two thirds of the spread. */
  readonly strict: Assert
  /** Changes for small or busy machines: a larger gap and spread. */
  readonly relaxed: Assert
  /** The lowest layer in virtual time: the standard gap, and the emulation factors for the rest. */
  readonly deterministic: Assert
  /** Returns the lowest layer for results of this clock: `standard`, `deterministic`, or the relaxed profile with the emulation factors. */
  readonly forClock: (clock: ClockMode) => Assert
  /** Merges layers field by field; later layers win. `false` switches a check off. */
  readonly merge: (...layers: ReadonlyArray<Assert | undefined>) => Assert
  /** Merges like `merge`, starting with the default, and records what the layers above it set. */
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
