import { hash } from 'node:crypto'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseCertificate } from './parse-certificate.ts'
import type { Certificate } from './parse-certificate.ts'

/** One `-----BEGIN label-----` block. */
export interface PemBlock {
  readonly label: string
  readonly der: Uint8Array
}

const maxPemBytes = 1_048_576
const maxBlocks = 256
const begin = /^-----BEGIN ([A-Z0-9 ]{1,64})-----\s*$/u

/** Looks from `from` on only: many blocks in a long text would else take the square of its length. */
function endOf(lines: readonly string[], from: number, label: string): number {
  const end = `-----END ${label}-----`
  for (let at = from; at < lines.length; at++) if (lines[at]?.trimEnd() === end) return at
  return -1
}

/** The blocks of a PEM text; text between blocks is skipped, a broken block is an error. @see RFC 7468 §2 */
export function splitPem(text: string): Result<readonly PemBlock[]> {
  if (text.length > maxPemBytes)
    return err(`expected PEM of at most ${maxPemBytes} bytes, found ${text.length}`)
  const blocks: PemBlock[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const label = begin.exec(lines[i] ?? '')?.[1]
    if (label === undefined) continue
    const end = endOf(lines, i + 1, label)
    if (end < 0) return err(`line ${i + 1}: BEGIN ${label} without its END`)
    const body = lines
      .slice(i + 1, end)
      .map((line) => line.trim())
      .join('')
    if (!/^[A-Za-z0-9+/]+={0,2}$/u.test(body) || body.length % 4 !== 0) {
      return err(`line ${i + 2}: expected base64 within ${label}`)
    }
    if (blocks.length >= maxBlocks) return err(`expected at most ${maxBlocks} PEM blocks`)
    blocks.push({ label, der: Buffer.from(body, 'base64') })
    i = end
  }
  return ok(blocks)
}

/** All certificates of a PEM text, in its order; other blocks and broken certificates are errors, none is one too. */
export function parseCertificates(text: string): Result<readonly Certificate[]> {
  const blocks = splitPem(text)
  if (!blocks.ok) return blocks
  const certificates: Certificate[] = []
  for (const [i, block] of blocks.value.entries()) {
    if (block.label !== 'CERTIFICATE')
      return err(`block ${i + 1}: expected a CERTIFICATE, found ${block.label}`)
    const certificate = parseCertificate(block.der)
    if (!certificate.ok) return err(`block ${i + 1}: ${certificate.error}`)
    certificates.push(certificate.value)
  }
  return certificates.length === 0 ? err('expected a certificate in PEM, found none') : ok(certificates)
}

export function certificatePem(certificate: Certificate): string {
  return pemBlock('CERTIFICATE', certificate.der)
}

/** SHA-256 of the whole certificate, in lower-case hex: the name of a root between machines. */
export function certificateFingerprint(certificate: Certificate): string {
  return hash('sha256', certificate.der, 'hex')
}

export function csrPem(bytes: Uint8Array): string {
  return pemBlock('CERTIFICATE REQUEST', bytes)
}

/** Several certificates in one text, in the given order. */
export function joinPem(certificates: readonly Certificate[]): string {
  return certificates.map(certificatePem).join('')
}

function pemBlock(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/gu) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
