/** Certificates of one run of the suite: workloads are given theirs, cases name the CA. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
}

/** By port of a workload. */
export type TlsMaterial = Readonly<Record<number, ServerCertificate>>

/** The variable that carries it, as JSON. */
export const tlsVariable = 'CONFORMANCE_TLS'
