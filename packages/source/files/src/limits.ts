/** What a folder of manifests may cost, and how often it is looked at. */
export interface FilesLimits {
  readonly maxFileBytes: number
  readonly maxFiles: number
  /** Names that are looked at, manifests or not. */
  readonly maxEntries: number
  /** How long nothing must happen before a change is read, and how long a file must be gone to be believed gone. */
  readonly quietMs: number
  /** A change is read after this, however much goes on. */
  readonly maxQuietMs: number
  /** How often the folder is looked at without a notification: some file systems send none. */
  readonly rescanMs: number
}

export const filesLimits: FilesLimits = {
  maxFileBytes: 4 * 1024 * 1024,
  maxFiles: 10_000,
  maxEntries: 100_000,
  quietMs: 30,
  maxQuietMs: 1000,
  rescanMs: 3000,
}
