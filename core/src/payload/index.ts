/**
 * Programs that run next to the workers, how their output is read, and how it is judged.
 *
 * @since 0.2.0
 */
export { PayloadCheck } from "./Check.ts"
export { PayloadError } from "./Error.ts"
export { type ExtractedMetric, LlmExtract, LlmExtractError } from "./LlmExtract.ts"
export { Metric, type MetricSpec, type MetricValue, Polarity } from "./Metric.ts"
export { readOutput, toPayloadResult } from "./Output.ts"
export {
  layerOutputFormats,
  makeOutputFormats,
  OutputFormat,
  OutputFormatError,
  type OutputFormatOptions,
  OutputFormats,
  type OutputReader,
  OutputRef,
  type OutputReport
} from "./OutputFormat.ts"
export {
  Payload,
  type PayloadOptions,
  type PayloadRunOptions,
  type PayloadSpec,
  payloadGraceMs,
  payloadOutputLimit
} from "./Payload.ts"
export { ProcessRecord, type RecordedProcess } from "./ProcessRecord.ts"
export { PayloadEnd, PayloadResult } from "./Result.ts"
