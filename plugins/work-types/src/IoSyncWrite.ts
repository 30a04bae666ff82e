/**
 * @since 0.1.0
 */
import { WorkProgram, WorkType } from "@ktstr/core"

/**
 * Writes and syncs. On tmpfs a sync takes no time, so a sleep of 100 µs stands in for the device.
 *
 * @since 0.1.0
 * @category work types
 */
export const IoSyncWrite: WorkType = WorkType.make({
  name: "IoSyncWrite",
  aliases: ["IoSync"],
  description: "writes 64 KiB in blocks of 4 KiB, syncs, and sleeps 100 us in place of the device",
  params: {},
  program: () =>
    WorkProgram.make({
      body: [WorkProgram.fileWrite(64 * 1024, 4096), WorkProgram.fileSync, WorkProgram.sleep("100 micros")]
    })
})
