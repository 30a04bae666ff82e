/**
 * Codecs of kernel payloads.
 *
 * @since 0.2.0
 */
export { layerKernelCodecs } from "./KernelCodecs.ts"
export { lz4Codec } from "./Lz4.ts"
export { xzCodec } from "./Xz.ts"
export { zstdCodec } from "./Zstd.ts"
