/** What one file may cost. A manifest that needs more than this is a mistake or an attack. */
export interface ManifestLimits {
  readonly maxFileBytes: number
  readonly maxDocuments: number
  /** Lexical tokens of one document: what YAML costs grows with them, not with the bytes. */
  readonly maxTokens: number
  /** Values of one document after its aliases are resolved, so that a few lines can't unfold into millions. */
  readonly maxValues: number
  readonly maxDepth: number
  /** Problems that are reported of one file; the rest is counted. */
  readonly maxProblems: number
}

export const manifestLimits: ManifestLimits = {
  maxFileBytes: 4 * 1024 * 1024,
  maxDocuments: 10_000,
  maxTokens: 150_000,
  maxValues: 100_000,
  maxDepth: 48,
  maxProblems: 200,
}

/** Entries of one list within an object: rules, sources, matches, ports. */
export const maxListEntries = 1000
