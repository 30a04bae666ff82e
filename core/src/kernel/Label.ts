/**
 * The labels that distinguish kernels in results.
 *
 * @since 0.1.0
 */
import type { ResolvedKernel } from "./Resolver.ts"

/**
 * Converts text to the form used in labels: letters, digits and underscores.
 *
 * @since 0.1.0
 * @category conversions
 */
export const labelWord = (text: string): string => text.replace(/[^A-Za-z0-9]+/g, "_")

/**
 * Joins parts to a label, e.g. `kernel_6_14_2` or `kernel_path_bzImage_1a2b3c`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const labelOf = (...parts: ReadonlyArray<string>): string => ["kernel", ...parts.map(labelWord)].join("_")

/**
 * Returns a kernel's label, e.g. `kernel_path_bzImage_1a2b3c`; without one, a label made from its version.
 *
 * @since 0.1.0
 * @category accessors
 */
export const kernelLabel = ({ label, version }: ResolvedKernel): string => label ?? labelOf(version)

/**
 * Returns each image once, in the given order and with a unique label. If two kernels would share a label, such as one source built on two bases, the
 * later ones get a number.
 *
 * @since 0.1.0
 * @category constructors
 */
export const distinctKernels = (kernels: ReadonlyArray<ResolvedKernel>): ReadonlyArray<ResolvedKernel> => {
  const byImage = [...new Map(kernels.map((kernel) => [kernel.image, kernel])).values()]
  const taken = new Set<string>()
  return byImage.map((kernel) => {
    const wanted = kernelLabel(kernel)
    let label = wanted
    for (let nth = 2; taken.has(label); nth++) label = `${wanted}_${nth}`
    taken.add(label)
    return { ...kernel, label }
  })
}
