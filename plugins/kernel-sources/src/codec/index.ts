/**
 * Codecs of kernel payloads.
 *
 * @since 0.2.0
 */
export { lz4Codec, xzCodec, zstdCodec } from "./Decompressor.ts"
export { layerKernelCodecs } from "./KernelCodecs.ts"
