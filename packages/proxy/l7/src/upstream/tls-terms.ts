import { hash, X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates, rootCertificates } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { SubjectAltName, TlsTerms } from '@tulle/traffic'
import { parseCertificate } from '@tulle/x509'

const keys = new WeakMap<TlsTerms, string>()

/** The same for equal terms, whichever update they came with: connections are shared by it. */
export function tlsKey(terms: TlsTerms): string {
  const known = keys.get(terms)
  if (known !== undefined) return known
  const { serverName, roots, subjectAltNames } = terms
  const names = subjectAltNames.map(({ kind, value }) => [kind, value])
  const trust = roots.kind === 'pem' ? ['pem', roots.certificates] : ['system']
  const made = hash('sha256', JSON.stringify([serverName, trust, names]), 'base64url')
  keys.set(terms, made)
  return made
}

const contexts = new WeakMap<TlsTerms, SecureContext>()
let systemContext: SecureContext | undefined

/** Throws where the roots are no certificates. */
export function secureContextOf(terms: TlsTerms): SecureContext {
  if (terms.roots.kind === 'system') return (systemContext ??= contextOf(systemRoots()))
  const known = contexts.get(terms) ?? contextOf(terms.roots.certificates)
  contexts.set(terms, known)
  return known
}

function contextOf(ca: string | string[]): SecureContext {
  return createSecureContext({ ca, minVersion: 'TLSv1.2' })
}

/** A machine without any, such as a bare container, has those that Node comes with (Mozilla's). */
function systemRoots(): string[] {
  const own = getCACertificates('system')
  return own.length > 0 ? own : [...rootCertificates]
}

/**
 * Why a certificate, whose chain was verified, is not the one that was asked for; undefined: it is.
 * @see GEP-1897: the hostname is what is verified, or where there are subjectAltNames, one of those instead
 */
export function identityFault(terms: TlsTerms, der: Buffer): string | undefined {
  const { serverName, subjectAltNames } = terms
  const wanted: readonly SubjectAltName[] =
    subjectAltNames.length === 0 ? [{ kind: 'dns', value: serverName }] : subjectAltNames
  if (wanted.some((name) => hasName(der, name))) return undefined
  const has = new X509Certificate(der).subjectAltName ?? 'no names'
  const names = wanted.map(({ kind, value }) => `${kind === 'uri' ? 'URI' : 'DNS'}:${value}`)
  return `expected a certificate with ${names.join(' or ')}, found ${has.slice(0, 300)}`
}

function hasName(der: Buffer, { kind, value }: SubjectAltName): boolean {
  // A name of the policy with a star stands for itself: it is no pattern.
  if (kind === 'dns' && !value.startsWith('*.'))
    return (
      new X509Certificate(der).checkHost(value, { subject: 'never', partialWildcards: false }) !== undefined
    )
  const certificate = parseCertificate(der)
  if (!certificate.ok) return false
  const { dnsSans, uriSans } = certificate.value
  return kind === 'uri'
    ? uriSans.includes(value)
    : dnsSans.some((name) => name.toLowerCase() === value.toLowerCase())
}
