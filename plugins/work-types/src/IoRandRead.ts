/**
 * @since 0.1.0
 */
import { WorkParam, WorkProgram, WorkType } from "@ktstr/core"

/**
 * Reads at random places of a file, bypassing the page cache if the scratch directory's file system supports that.
 *
 * @since 0.1.0
 * @category work types
 */
export const IoRandRead: WorkType = WorkType.make({
  name: "IoRandRead",
  description: "reads 4 KiB at a random place of a private file, with O_DIRECT where there is a disk",
  params: {
    span: WorkParam.bytes({
      default: 4 * 2 ** 20,
      min: 4096,
      max: 2 ** 30,
      description: "size of the file; every worker has its own"
    })
  },
  program: ({ span }) =>
    WorkProgram.make({ body: [WorkProgram.fileRead(4096, 4096, { span, random: true, direct: true })] })
})
