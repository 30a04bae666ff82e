/**
 * Downloads, through a proxy where one is set.
 *
 * @since 0.2.0
 */
export { DownloadError, downloadFile, downloadText } from "./Download.ts"
export { layerHttp } from "./Proxy.ts"
export { transportWords } from "./TransportWords.ts"
