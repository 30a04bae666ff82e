/**
 * Remote caches of kernels.
 *
 * @since 0.2.0
 */
export { packEntry, unpackEntry } from "./EntryArchive.ts"
export { makeGitHubCache } from "./GitHubCache.ts"
export { makeS3Cache } from "./S3Cache.ts"
