/** What came of one POST. */
export interface CollectorAnswer {
  /** 0: there was none. */
  readonly status: number
  readonly retryAfter: string | undefined
  /** At most `maxAnswerBytes` of it. */
  readonly body: Uint8Array
  /** Where there was no answer: why. */
  readonly why: string
}

/** The way to one collector. */
export interface CollectorClient extends Disposable {
  /** Gzipped protobuf to where spans go. Never rejects, and ends within the collector's time. */
  post(body: Uint8Array): Promise<CollectorAnswer>
}

/** Of an answer: what is beyond says nothing to us. */
export const maxAnswerBytes = 65_536

export const postHeaders: readonly (readonly [string, string])[] = [
  ['content-type', 'application/x-protobuf'],
  ['content-encoding', 'gzip'],
  ['user-agent', 'tulle'],
]
