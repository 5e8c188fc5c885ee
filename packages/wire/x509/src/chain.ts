import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { verifyBytes } from './keys.ts'
import { publicKeyOf } from './parse-certificate.ts'
import type { Certificate } from './parse-certificate.ts'

export interface ChainOptions {
  readonly leaf: Certificate
  /** What the peer sent after its leaf, in any order. */
  readonly intermediates: readonly Certificate[]
  /** Those that may sign for the leaf's trust domain, and no others. */
  readonly roots: readonly Certificate[]
  readonly nowMs: number
}

/** Certificates between leaf and root, and what a hostile peer may make us compute. */
const maxIntermediates = 8
const maxSignatureChecks = 32
const keyCertSign = 5

/**
 * Walks the signatures from the leaf up to one of `roots`; returns the path, leaf first. Checks on each step:
 * name and signature of the issuer, validity in time, that it is a CA which may sign, path length, no critical
 * extension that is unknown. The leaf must not be a CA. @see RFC 5280 §6.1
 */
export function verifyChain(options: ChainOptions): Result<readonly Certificate[]> {
  const { leaf, intermediates } = options
  if (intermediates.length > maxIntermediates) {
    return err(`expected at most ${maxIntermediates} intermediates, found ${intermediates.length}`)
  }
  if (leaf.isCa) return err('the leaf is a CA certificate')
  const unusable = unusableReason(leaf, options.nowMs)
  if (unusable !== undefined) return err(`the leaf ${unusable}`)
  const walk = { ...options, checks: 0, reason: 'no root of its trust domain has signed it' }
  const path = climb(walk, [leaf])
  return path === undefined ? err(walk.reason) : ok(path)
}

interface Walk extends ChainOptions {
  checks: number
  /** The most telling reason so far. */
  reason: string
}

function climb(walk: Walk, path: readonly Certificate[]): readonly Certificate[] | undefined {
  const last = path.at(-1)
  if (last === undefined) return undefined
  for (const root of walk.roots) {
    if (signs(walk, root, path)) return [...path, root]
  }
  for (const next of walk.intermediates) {
    if (path.includes(next) || !signs(walk, next, path)) continue
    const whole = climb(walk, [...path, next])
    if (whole !== undefined) return whole
  }
  return undefined
}

/**
 * Why `issuer` has not signed `certificate`, or may not; undefined where it has. Time is not looked at.
 * `below` is the number of CAs between the issuer and the leaf.
 */
export function verifyIssuer(
  certificate: Certificate,
  issuer: Certificate,
  below: number,
): string | undefined {
  if (!bytesEqual(issuer.subject, certificate.issuer)) return 'it names another issuer'
  const key = publicKeyOf(issuer)
  if (key === undefined) return 'the key of its issuer is unusable'
  if (!verifyBytes(certificate.signed, certificate.signature, key))
    return 'the signature of its issuer is wrong'
  const unfit = unfitReason(issuer, below) ?? criticalReason(issuer)
  return unfit === undefined ? undefined : `its issuer ${unfit}`
}

/** Whether `issuer` may have signed, and has, the last of `path`. */
function signs(walk: Walk, issuer: Certificate, path: readonly Certificate[]): boolean {
  const last = path.at(-1)
  if (last === undefined || !bytesEqual(issuer.subject, last.issuer)) return false
  const { subjectKeyId } = issuer
  if (last.authorityKeyId !== undefined && subjectKeyId !== undefined) {
    if (!bytesEqual(last.authorityKeyId, subjectKeyId)) return false
  }
  const unfit = unusableReason(issuer, walk.nowMs) ?? unfitReason(issuer, path.length - 1)
  if (unfit !== undefined) {
    walk.reason = `its issuer ${unfit}`
    return false
  }
  const key = publicKeyOf(issuer)
  if (key === undefined || walk.checks >= maxSignatureChecks) return false
  walk.checks++
  if (verifyBytes(last.signed, last.signature, key)) return true
  walk.reason = 'the signature of its issuer is wrong'
  return false
}

/** `below`: how many CAs stand between this one and the leaf. */
function unfitReason(issuer: Certificate, below: number): string | undefined {
  if (!issuer.isCa) return 'is no CA'
  if (issuer.keyUsage?.includes(keyCertSign) === false) return 'may not sign certificates'
  if (issuer.pathLength !== undefined && below > issuer.pathLength) return 'allows no CA below it'
  return undefined
}

function unusableReason(certificate: Certificate, nowMs: number): string | undefined {
  if (nowMs < certificate.notBeforeMs) return `is not valid before ${isoSeconds(certificate.notBeforeMs)}`
  if (nowMs > certificate.notAfterMs) return `expired at ${isoSeconds(certificate.notAfterMs)}`
  return criticalReason(certificate)
}

function criticalReason(certificate: Certificate): string | undefined {
  const [unknown] = certificate.unknownCritical
  return unknown === undefined ? undefined : `has the critical extension ${unknown}, which is unknown here`
}

function isoSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
