/**
 * The CPUs and NUMA nodes of a guest, as the guest itself reports them.
 *
 * @since 0.1.0
 */
import { Schema } from "effect"

/**
 * A CPU, as in the guest's sysfs.
 *
 * @since 0.1.0
 * @category models
 */
export class GuestCpu extends Schema.Class<GuestCpu>("GuestCpu")({
  cpu: Schema.Number,
  node: Schema.Number,
  package: Schema.Number,
  coreId: Schema.Number,
  /** Lowest CPU that shares the last-level cache. */
  llcId: Schema.Number,
  threadSiblings: Schema.String,
  llcShared: Schema.String
}) {}

/**
 * A NUMA node, as in the guest's sysfs.
 *
 * @since 0.1.0
 * @category models
 */
export class GuestNode extends Schema.Class<GuestNode>("GuestNode")({
  node: Schema.Number,
  cpulist: Schema.String,
  memTotalKb: Schema.Number,
  distances: Schema.Array(Schema.Number)
}) {}
