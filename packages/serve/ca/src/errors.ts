import { MeshError } from '@tulle/core'

export type CaErrorCode =
  /** A file of the folder could not be read or written. */
  | 'CA_FOLDER'
  /** A key or certificate of the folder is not what it must be. */
  | 'CA_BAD_ROOT'
  /** A private key that others on the machine may read. */
  | 'CA_KEY_EXPOSED'
  /** The list of revocations is not readable as one, or an entry of it is none. */
  | 'CA_BAD_REVOCATIONS'
  /** The key that node tokens are signed with is not one. */
  | 'CA_BAD_TOKEN_KEY'
  /** A step of a root's rotation that is not possible now. */
  | 'CA_ROTATION'

export class CaError extends MeshError<CaErrorCode> {}

/** Why a certificate is not issued. */
export interface Refusal {
  readonly kind: RefusalKind
  readonly message: string
}

export type RefusalKind =
  /** We don't know who asks. */
  | 'unauthenticated'
  /** We know, and they may not have it. */
  | 'forbidden'
  /** What is asked for is malformed. */
  | 'invalid'
  /** They ask too often. */
  | 'busy'
  /** Nobody can have it now: the signer has expired. */
  | 'unavailable'
