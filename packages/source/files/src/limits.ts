/** What a folder of manifests may cost, and how often it is looked at. */
export interface FilesLimits {
  readonly maxFileBytes: number
  readonly maxFiles: number
  /** Names that are looked at, manifests or not. */
  readonly maxEntries: number
  /** How long nothing must happen to a file before a change of it is read. */
  readonly settleMs: number
  /** The same where it seems to be half written, and where it is not known which file has changed. */
  readonly quietMs: number
  /**
   * How long a file must be gone or empty to be believed so. Saves leave such moments, on a busy machine long ones,
   * and what a vanished object takes with it (a process, an address) does not come back with it.
   */
  readonly missingMs: number
  /** A change is read after this, however much goes on. */
  readonly maxQuietMs: number
  /**
   * How often the folder is looked at without a notification: some file systems send none. A folder that takes
   * long is looked at less often, so that it costs a hundredth of the time at most.
   */
  readonly rescanMs: number
}

export const filesLimits: FilesLimits = {
  maxFileBytes: 4 * 1024 * 1024,
  maxFiles: 10_000,
  maxEntries: 100_000,
  settleMs: 1,
  quietMs: 30,
  missingMs: 200,
  maxQuietMs: 1000,
  rescanMs: 3000,
}
