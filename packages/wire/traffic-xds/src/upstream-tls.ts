import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { decodeList } from '@tulle/mesh-xds'
import type { SubjectAltNameMessage, TlsTermsMessage, UpstreamTlsMessage } from '@tulle/proto'
import type { SubjectAltName, TlsTerms, UpstreamTls } from '@tulle/traffic'
import type { TlsTermsInit, UpstreamTlsInit } from './message-init.ts'

export function upstreamTlsMessage({ service, port, terms }: UpstreamTls): UpstreamTlsInit {
  return { service, port, ...(terms === undefined ? {} : { terms: termsMessage(terms) }) }
}

function termsMessage({ serverName, roots, subjectAltNames }: TlsTerms): TlsTermsInit {
  return {
    serverName,
    roots:
      roots.kind === 'pem'
        ? { case: 'certificates', value: roots.certificates }
        : { case: 'system', value: {} },
    subjectAltNames: subjectAltNames.map(({ kind, value }) => ({ kind: { case: kind, value } })),
  }
}

/** What is not understood here would be a door left open: it refuses the whole object. */
export function decodeUpstreamTls({ service, port, terms }: UpstreamTlsMessage): Result<UpstreamTls> {
  if (service === '' || port === 0 || port > 65_535) return err('TLS without service or port')
  if (terms === undefined) return ok({ service, port })
  const decoded = decodeTerms(terms)
  return decoded.ok ? ok({ service, port, terms: decoded.value }) : decoded
}

function decodeTerms({ serverName, roots, subjectAltNames }: TlsTermsMessage): Result<TlsTerms> {
  if (serverName === '') return err('TLS without the name of a server')
  const names = decodeList(subjectAltNames, 'subject_alt_names', decodeName)
  if (!names.ok) return names
  const parts = { serverName, subjectAltNames: names.value }
  switch (roots.case) {
    case 'certificates':
      return roots.value === ''
        ? err('TLS without roots')
        : ok({ ...parts, roots: { kind: 'pem', certificates: roots.value } })
    case 'system':
      return ok({ ...parts, roots: { kind: 'system' } })
    case undefined:
      return err('TLS with roots of no known kind')
  }
}

function decodeName({ kind }: SubjectAltNameMessage): Result<SubjectAltName> {
  if (kind.case === undefined || kind.value === '') return err('a name of no known kind')
  return ok({ kind: kind.case, value: kind.value })
}
