/**
 * Processes of ktstr on this host: the marks on their files and locks, and what they leave behind.
 *
 * @since 0.2.0
 */
export { acquireFileLock, type FileLockOptions } from "./FileLock.ts"
export {
  type CleanupReport,
  cleanUp,
  findLeftovers,
  isAbandoned,
  type Leftover,
  type LeftoverPlace
} from "./Leftovers.ts"
export { filesystemType, findLockRefusal, lockRefusal } from "./LockPlace.ts"
export { findLocks, type HeldLock, type LockProcess, parseLockLine } from "./LockTable.ts"
export { openNameless, ownPrefix } from "./OwnPrefix.ts"
export {
  currentProcess,
  type OwnerState,
  ownerState,
  ownTemporaryPrefix,
  type ProcessMark,
  parseProcessStat,
  parseTemporaryName,
  processMarkOf,
  type TemporaryStem,
  temporaryPrefix
} from "./ProcessMark.ts"
