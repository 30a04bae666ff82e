/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * The I/O of a database: a growing log, random lookups, and now and then a sync that everyone
 * waits for. On tmpfs a sync takes no time, so a sleep of 100 µs stands in for the device.
 *
 * @since 0.1.0
 * @category work types
 */
export const IoConvoy: WorkType = WorkType.make({
  name: "IoConvoy",
  description: "writes 64 KiB in sequence, reads 16 random blocks of 4 KiB, and syncs every few rounds",
  params: {
    syncEvery: WorkParam.integer({ default: 16, min: 1, max: 256, description: "rounds from one sync to the next" }),
    span: WorkParam.bytes({
      default: 4 * 2 ** 20,
      min: 4096,
      max: 2 ** 30,
      description: "size of the part of the file that is read"
    })
  },
  program: ({ span, syncEvery }) => {
    const sync = [WorkProgram.fileSync, WorkProgram.sleep("100 micros")]
    return WorkProgram.make({
      body: [
        WorkProgram.fileWrite(16 * 4096, 4096),
        WorkProgram.fileRead(16 * 4096, 4096, { span, random: true, direct: true }),
        WorkProgram.cycle([...Array.from({ length: syncEvery - 1 }, () => []), sync])
      ]
    })
  }
})
