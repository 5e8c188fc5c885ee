import type { KeyObject } from 'node:crypto'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { DerError, DerReader, readBits, readDer, readOid, readSmallInteger } from './der-read.ts'
import { contextTag, tags } from './der-write.ts'
import { publicKeyFromSpki, verifyBytes } from './keys.ts'
import { oids } from './oids.ts'
import { readAlgorithm } from './parse-certificate.ts'
import { readAlternativeNames, readExtensionList } from './parse-extensions.ts'
import { splitPem } from './pem.ts'

export const maxCsrBytes = 8192

/** What a workload asks a certificate for. */
export interface CertificateRequest {
  readonly publicKey: KeyObject
  readonly uriSans: readonly string[]
}

interface Parts {
  readonly signed: Uint8Array
  readonly publicKeyInfo: Uint8Array
  readonly uriSans: readonly string[]
  readonly algorithm: string
  readonly signature: Uint8Array
}

/**
 * Reads a signing request (DER, or PEM as text) in the one shape that the mesh uses: a P-256 key, signed with
 * it over SHA-256, at most one attribute (requested extensions), in it the alternative name and nothing else,
 * in that only URIs. The subject is skipped: nothing of it gets into a certificate. Whether the URIs may be had
 * is the caller's question.
 * @see RFC 2986 §4
 */
export function parseCsr(input: Uint8Array | string): Result<CertificateRequest> {
  if (input.length > maxCsrBytes) {
    return err(`expected a certificate request of at most ${maxCsrBytes} bytes, found ${input.length}`)
  }
  const bytes = typeof input === 'string' ? requestInPem(input) : ok(input)
  if (!bytes.ok) return bytes
  const parts = readDer('certificate request', bytes.value, (reader) =>
    reader.within(tags.sequence, readRequest),
  )
  if (!parts.ok) return parts
  const { publicKeyInfo, algorithm, signature, signed, uriSans } = parts.value
  if (algorithm !== oids.ecdsaSha256)
    return err(`expected a request signed with ECDSA over SHA-256, found ${algorithm}`)
  const publicKey = publicKeyFromSpki(publicKeyInfo)
  if (publicKey?.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    return err('expected a public key on P-256, found another')
  }
  if (!verifyBytes(signed, { algorithm, bytes: signature }, publicKey)) {
    return err('the request is not signed with the key that it names')
  }
  return ok({ publicKey, uriSans })
}

function requestInPem(text: string): Result<Uint8Array> {
  const blocks = splitPem(text)
  if (!blocks.ok) return blocks
  const [block, ...others] = blocks.value
  if (block === undefined || others.length > 0 || block.label !== 'CERTIFICATE REQUEST') {
    return err('expected one CERTIFICATE REQUEST in PEM')
  }
  return ok(block.der)
}

function readRequest(outer: DerReader): Parts {
  const signed = outer.raw(tags.sequence)
  const algorithm = readAlgorithm(outer)
  const signature = readBits(outer)
  const body = new DerReader(signed, 1)
  const { publicKeyInfo, uriSans } = body.within(tags.sequence, (info) => {
    if (readSmallInteger(info) !== 0) throw new DerError('expected version 1')
    info.raw(tags.sequence)
    const key = info.raw(tags.sequence)
    const names = info.optional(contextTag(0, true), () => info.within(contextTag(0, true), readAttributes))
    return { publicKeyInfo: key, uriSans: names ?? [] }
  })
  return { signed, publicKeyInfo, uriSans, algorithm, signature }
}

function readAttributes(reader: DerReader): readonly string[] {
  if (reader.done) return []
  return reader.within(tags.sequence, (attribute) => {
    const type = readOid(attribute)
    if (type !== oids.extensionRequest) throw new DerError(`the attribute ${type}, which is not allowed`)
    return attribute.within(tags.set, readRequestedExtensions)
  })
}

function readRequestedExtensions(reader: DerReader): readonly string[] {
  const list = readExtensionList(reader)
  const extra = list.find((extension) => extension.type !== oids.subjectAltName)
  if (extra !== undefined) throw new DerError(`the extension ${extra.type}, which is not allowed`)
  const [names] = list
  if (names === undefined) return []
  const value = new DerReader(names.value)
  const { uriSans, dnsSans, ipSans, others } = readAlternativeNames(value)
  value.end()
  if (dnsSans.length + ipSans.length + others > 0) {
    throw new DerError('alternative names other than URIs, which are not allowed')
  }
  return uriSans
}
