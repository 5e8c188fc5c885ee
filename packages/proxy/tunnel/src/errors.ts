/**
 * Why a tunnel session could not be had. Outcomes of single connections are values: they are expected, and
 * nothing on the path of a connection throws. `cut`: the peer took the connection, and ended it before the session began.
 */
export interface DialFailure {
  readonly reason: 'connect' | 'cut' | 'timeout' | 'tls' | 'peer' | 'no-certificate' | 'no-room' | 'closed'
  /** For the log: what was expected and found. */
  readonly message: string
}
