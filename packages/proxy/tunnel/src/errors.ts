/**
 * Why a tunnel session could not be had. Outcomes of single connections are values: they are expected, and
 * nothing on the path of a connection throws.
 */
export interface DialFailure {
  readonly reason: 'connect' | 'timeout' | 'tls' | 'peer' | 'no-certificate' | 'no-room' | 'closed'
  /** For the log: what was expected and found. */
  readonly message: string
}
