import { MeshError } from '@tulle/core'

export type CertificateErrorCode =
  /** The CA could not be reached, or did not answer in time. */
  | 'CA_UNREACHABLE'
  /** The CA answered that we may not have this certificate. */
  | 'CA_REFUSED'
  /** The CA's answer is not what was asked for. */
  | 'CA_BAD_ANSWER'
  /** A file with a token, key, certificate or roots is missing or broken. */
  | 'CERTIFICATE_FILE'

export class CertificateError extends MeshError<CertificateErrorCode> {}

/** Whoever asked is on its way out as well. */
export function clientDisposed(): CertificateError {
  return new CertificateError('CA_UNREACHABLE', 'the client of the CA has been disposed of')
}
