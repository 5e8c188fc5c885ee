import type { KeyObject } from 'node:crypto'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import type { IpAddress } from '@tulle/mesh'
import {
  DerError,
  readBits,
  readDer,
  readMagnitude,
  readOid,
  readSmallInteger,
  readTimeMs,
} from './der-read.ts'
import type { DerReader } from './der-read.ts'
import { contextTag, tags } from './der-write.ts'
import { publicKeyFromSpki } from './keys.ts'
import { readExtensions } from './parse-extensions.ts'

export const maxCertificateBytes = 65_536

/** What a certificate says. Saying is not proof: that is `verifyChain`. */
export interface Certificate {
  /** The whole certificate. */
  readonly der: Uint8Array
  /** Lower-case hex without leading zeros. */
  readonly serial: string
  /** The names as DER, for exact comparison. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** SubjectPublicKeyInfo in DER; `publicKeyOf` makes a key of it. */
  readonly publicKeyInfo: Uint8Array
  readonly isCa: boolean
  readonly pathLength: number | undefined
  /** The bits of keyUsage that are set: 0 digitalSignature, 5 keyCertSign; undefined without the extension. */
  readonly keyUsage: readonly number[] | undefined
  readonly extendedKeyUsage: readonly string[] | undefined
  /** In the order of the certificate, byte for byte: a NUL within stays visible. */
  readonly uriSans: readonly string[]
  readonly dnsSans: readonly string[]
  readonly ipSans: readonly IpAddress[]
  readonly subjectKeyId: Uint8Array | undefined
  readonly authorityKeyId: Uint8Array | undefined
  /** Object identifiers of critical extensions that nobody here understands: such a certificate is not to be used. */
  readonly unknownCritical: readonly string[]
  /** What was signed, how, and the signature. */
  readonly signed: Uint8Array
  readonly signature: { readonly algorithm: string; readonly bytes: Uint8Array }
}

/** Reads one certificate in DER. Keeps a view on `bytes`. @see RFC 5280 §4.1 */
export function parseCertificate(bytes: Uint8Array): Result<Certificate> {
  if (bytes.length > maxCertificateBytes) {
    return err(`expected a certificate of at most ${maxCertificateBytes} bytes, found ${bytes.length}`)
  }
  return readDer('certificate', bytes, (reader) =>
    reader.within(tags.sequence, (outer) => readCertificate(bytes, outer)),
  )
}

function readCertificate(bytes: Uint8Array, outer: DerReader): Certificate {
  const signed = outer.raw(tags.sequence)
  const algorithm = readAlgorithm(outer)
  const signature = readBits(outer)
  return unwrap(
    readDer('certificate', signed, (reader) =>
      reader.within(tags.sequence, (body) => {
        if (body.tag !== contextTag(0, true)) throw new DerError('expected version 3, found version 1')
        const version = body.within(contextTag(0, true), readSmallInteger)
        if (version !== 2) throw new DerError(`expected version 3, found ${version + 1}`)
        const serial = readMagnitude(body)
        if (serial.length > 20) throw new DerError('a serial number over 20 bytes')
        // @see RFC 5280 §4.1.1.2: must be the one that the signature names
        const inner = readAlgorithm(body)
        if (inner !== algorithm) throw new DerError('two different signature algorithms')
        const issuer = body.raw(tags.sequence)
        const validity = body.within(
          tags.sequence,
          (times) => [readTimeMs(times), readTimeMs(times)] as const,
        )
        const subject = body.raw(tags.sequence)
        const publicKeyInfo = body.raw(tags.sequence)
        body.optional(contextTag(1, false), () => body.raw())
        body.optional(contextTag(2, false), () => body.raw())
        const extensions = body.optional(contextTag(3, true), () =>
          body.within(contextTag(3, true), readExtensions),
        )
        return {
          der: bytes,
          serial: Buffer.from(serial)
            .toString('hex')
            .replace(/^0+(?=.)/u, ''),
          issuer,
          subject,
          notBeforeMs: validity[0],
          notAfterMs: validity[1],
          publicKeyInfo,
          ...(extensions ?? noExtensions),
          signed,
          signature: { algorithm, bytes: signature },
        }
      }),
    ),
  )
}

const noExtensions: ReturnType<typeof readExtensions> = {
  isCa: false,
  pathLength: undefined,
  keyUsage: undefined,
  extendedKeyUsage: undefined,
  uriSans: [],
  dnsSans: [],
  ipSans: [],
  subjectKeyId: undefined,
  authorityKeyId: undefined,
  unknownCritical: [],
}

function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value
  throw new DerError(result.error.replace(/^not a valid certificate: /u, ''))
}

/** The object identifier; parameters are NULL or absent for every algorithm that is accepted later. */
export function readAlgorithm(reader: DerReader): string {
  return reader.within(tags.sequence, (algorithm) => {
    const type = readOid(algorithm)
    if (!algorithm.done) algorithm.raw()
    return type
  })
}

const keys = new WeakMap<Certificate, KeyObject>()

/** The key of a certificate; undefined where OpenSSL doesn't take it. Made once a certificate. */
export function publicKeyOf(certificate: Certificate): KeyObject | undefined {
  const known = keys.get(certificate) ?? publicKeyFromSpki(certificate.publicKeyInfo)
  if (known !== undefined) keys.set(certificate, known)
  return known
}

/** The URI SANs of a certificate in DER, all of them. */
export function uriSansOf(bytes: Uint8Array): Result<readonly string[]> {
  const certificate = parseCertificate(bytes)
  return certificate.ok ? ok(certificate.value.uriSans) : certificate
}

/**
 * Whom a certificate names: exactly one URI SAN and that a SPIFFE id, as X.509-SVID §2 demands; never the common
 * name. Whether it may name them is a matter of the chain.
 */
export function spiffeIdOf(certificate: Certificate): Result<SpiffeId> {
  const [first, ...others] = certificate.uriSans
  if (first === undefined || others.length > 0) {
    return err(`expected exactly one URI SAN, found ${certificate.uriSans.length}`)
  }
  const identity = parseSpiffeId(first)
  return identity.ok ? ok(spiffeId(identity.value)) : identity
}
