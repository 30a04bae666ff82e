/**
 * Compression formats of kernel images, besides gzip.
 *
 * @since 0.1.0
 */

import { PayloadCodecs } from "@ktstr/core/image"
import { Effect, Layer } from "effect"
import { lz4Codec, xzCodec, zstdCodec } from "./Decompressor.ts"

/**
 * Adds zstd, lz4 and xz to the provided codecs.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKernelCodecs: Layer.Layer<PayloadCodecs> = Layer.effect(
  PayloadCodecs,
  Effect.map(PayloadCodecs, (codecs) => ({ ...codecs, zstd: zstdCodec, lz4: lz4Codec, xz: xzCodec }))
)
