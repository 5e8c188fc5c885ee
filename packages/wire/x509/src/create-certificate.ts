import { createHash, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { must } from '@tulle/core'
import { ipToBytes } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import * as der from './der-write.ts'
import { generateKeyPair, signatureAlgorithm, signBytes } from './keys.ts'
import { oids } from './oids.ts'
import { parseCertificate } from './parse-certificate.ts'
import type { Certificate } from './parse-certificate.ts'
import { publicKeyBits } from './spki.ts'

/** Who may sign: a CA certificate and its key. */
export interface Signer {
  readonly certificate: Certificate
  readonly key: KeyObject
}

export interface SubjectName {
  readonly organization?: string
  readonly commonName?: string
}

export interface CertificateTemplate {
  readonly publicKey: KeyObject
  /** Absent: signed by itself, with the key in `selfKey`. */
  readonly issuer?: Signer
  readonly selfKey?: KeyObject
  readonly subject?: SubjectName
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** 1–20 bytes, read as a positive number; absent: 126 random bits. */
  readonly serial?: Uint8Array
  readonly isCa?: boolean
  /** How many further CAs may stand below this one. */
  readonly pathLength?: number
  readonly uriSans?: readonly string[]
  readonly dnsSans?: readonly string[]
  readonly ipSans?: readonly IpAddress[]
}

export interface RootOptions {
  readonly subject?: SubjectName
  readonly uriSans?: readonly string[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Absent: the root signs itself; else this makes an intermediate. */
  readonly issuer?: Signer
  readonly pathLength?: number
}

export type LeafOptions = Omit<CertificateTemplate, 'isCa' | 'pathLength' | 'selfKey' | 'issuer'> & {
  readonly issuer: Signer
}

/** A CA certificate with a fresh P-256 key: a root, or an intermediate where `issuer` is given. */
export function createRoot(options: RootOptions): Signer {
  const { publicKey, privateKey } = generateKeyPair()
  const certificate = createCertificate({ ...options, publicKey, selfKey: privateKey, isCa: true })
  return { certificate, key: privateKey }
}

/** A certificate for TLS, of client and server alike. */
export function createLeaf(options: LeafOptions): Certificate {
  return createCertificate({ ...options, isCa: false })
}

/**
 * X.509 v3 over the template; says what it is told to, so that tests can make bad ones too: what may be said is
 * the caller's to check. Signed with SHA-256 (SHA-384 by a P-384 key). @see RFC 5280 §4.1
 */
export function createCertificate(template: CertificateTemplate): Certificate {
  const signingKey = template.issuer?.key ?? template.selfKey
  if (signingKey === undefined) throw new TypeError('expected an issuer or selfKey')
  const subject = encodeName(template.subject ?? {})
  const algorithm = signatureAlgorithm(signingKey)
  const tbs = der.sequence(
    der.element(der.contextTag(0, true), der.smallInteger(2)),
    der.integer(template.serial ?? randomSerial()),
    algorithm,
    template.issuer?.certificate.subject ?? subject,
    der.sequence(der.time(template.notBeforeMs), der.time(template.notAfterMs)),
    subject,
    template.publicKey.export({ type: 'spki', format: 'der' }),
    der.element(der.contextTag(3, true), der.sequence(...extensions(template))),
  )
  const bytes = der.sequence(tbs, algorithm, der.bitString(signBytes(tbs, signingKey)))
  return must(parseCertificate(bytes))
}

/** Positive, never zero, always the same length. */
function randomSerial(): Uint8Array {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes
}

function encodeName(name: SubjectName): Uint8Array {
  const part = (type: string, value: string | undefined): readonly Uint8Array[] =>
    value === undefined ? [] : [der.setOf(der.sequence(der.oid(type), der.utf8String(value)))]
  return der.sequence(
    ...part(oids.organization, name.organization),
    ...part(oids.commonName, name.commonName),
  )
}

function extensions(template: CertificateTemplate): readonly Uint8Array[] {
  const ca = template.isCa === true
  const keyId = subjectKeyId(template.publicKey)
  const authority = template.issuer === undefined ? keyId : template.issuer.certificate.subjectKeyId
  const constraints = [
    ...(ca ? [der.boolean(true)] : []),
    ...(ca && template.pathLength !== undefined ? [der.smallInteger(template.pathLength)] : []),
  ]
  // keyCertSign and cRLSign (bits 5 and 6) for a CA, digitalSignature (bit 0) for a leaf. @see RFC 5280 §4.2.1.3
  const usage = ca ? der.bitString(Uint8Array.of(0x06), 1) : der.bitString(Uint8Array.of(0x80), 7)
  const list = [
    extension(oids.basicConstraints, true, der.sequence(...constraints)),
    extension(oids.keyUsage, true, usage),
    extension(oids.subjectKeyId, false, der.octetString(keyId)),
  ]
  if (!ca) list.push(extension(oids.extendedKeyUsage, false, tlsUsages()))
  if (authority !== undefined) {
    const id = der.element(der.contextTag(0, false), authority)
    list.push(extension(oids.authorityKeyId, false, der.sequence(id)))
  }
  const names = encodeSans(template)
  // Without a subject the alternative name is all there is, and must be critical. @see RFC 5280 §4.2.1.6
  if (names !== undefined) list.push(extension(oids.subjectAltName, template.subject === undefined, names))
  return list
}

export function extension(type: string, critical: boolean, value: Uint8Array): Uint8Array {
  return der.sequence(der.oid(type), ...(critical ? [der.boolean(true)] : []), der.octetString(value))
}

function tlsUsages(): Uint8Array {
  return der.sequence(der.oid(oids.serverAuth), der.oid(oids.clientAuth))
}

/** GeneralNames; undefined where there is none. @see RFC 5280 §4.2.1.6 */
export function encodeSans(
  names: Pick<CertificateTemplate, 'uriSans' | 'dnsSans' | 'ipSans'>,
): Uint8Array | undefined {
  const text = (tag: number, value: string): Uint8Array =>
    der.element(der.contextTag(tag, false), Buffer.from(value, 'latin1'))
  const list = [
    ...(names.uriSans ?? []).map((uri) => text(6, uri)),
    ...(names.dnsSans ?? []).map((name) => text(2, name)),
    ...(names.ipSans ?? []).map((ip) => der.element(der.contextTag(7, false), ipToBytes(ip))),
  ]
  return list.length === 0 ? undefined : der.sequence(...list)
}

/** The first 160 bits of SHA-256 over the public key's bits. @see RFC 7093 §2, method 1 */
function subjectKeyId(key: KeyObject): Uint8Array {
  return createHash('sha256').update(publicKeyBits(key)).digest().subarray(0, 20)
}
