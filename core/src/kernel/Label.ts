/**
 * The names by which results tell kernels apart.
 *
 * @since 0.1.0
 */
import type { ResolvedKernel } from "./Resolver.ts"

/**
 * Text as a label has it: letters, digits and underscores.
 *
 * @since 0.1.0
 * @category conversions
 */
export const labelWord = (text: string): string => text.replace(/[^A-Za-z0-9]+/g, "_")

/**
 * The label that says these things of a kernel: `kernel_6_14_2`, `kernel_path_bzImage_1a2b3c`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const labelOf = (...parts: ReadonlyArray<string>): string => ["kernel", ...parts.map(labelWord)].join("_")

/**
 * `kernel_6_14_2`, `kernel_path_bzImage_1a2b3c`…; a kernel without a label of its own is called by its version.
 *
 * @since 0.1.0
 * @category accessors
 */
export const kernelLabel = ({ label, version }: ResolvedKernel): string => label ?? labelOf(version)

/**
 * Each image once, in the order given, every one with a label that no other has: where two would share one, such as one source built on two
 * bases, the later ones get a number.
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
