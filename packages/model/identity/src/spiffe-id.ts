import { err, ok } from '@tulle/core'
import type { Branded, Result } from '@tulle/core'
import { parseTrustDomain } from './trust-domain.ts'
import type { TrustDomain } from './trust-domain.ts'

/** `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; compare with `===`, never by pattern. */
export type SpiffeId = Branded<string, 'SpiffeId'>

/** Who a workload is. */
export interface Identity {
  readonly trustDomain: TrustDomain
  readonly namespace: string
  readonly serviceAccount: string
}

const maxBytes = 2048
/** A Kubernetes name: no slash, no percent, no control character can pass. Service accounts may have dots. */
const segment = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/u

export function spiffeId(identity: Identity): SpiffeId {
  return `spiffe://${identity.trustDomain}/ns/${identity.namespace}/sa/${identity.serviceAccount}` as SpiffeId
}

/** Accepts exactly the five-part shape that ztunnel does, in its canonical form. */
export function parseSpiffeId(text: string): Result<Identity> {
  const refuse = (why: string): Result<Identity> =>
    err(
      `expected spiffe://<trust domain>/ns/<namespace>/sa/<service account>, found ${JSON.stringify(text.slice(0, 200))}: ${why}`,
    )
  if (text.length > maxBytes) return refuse(`longer than ${maxBytes} bytes`)
  if (!text.startsWith('spiffe://')) return refuse('no spiffe:// at the start')
  const [domain = '', ns, namespace = '', sa, account = '', ...rest] = text
    .slice('spiffe://'.length)
    .split('/')
  if (ns !== 'ns' || sa !== 'sa' || rest.length > 0) return refuse('not the five parts')
  const trustDomain = parseTrustDomain(domain)
  if (!trustDomain.ok) return refuse(trustDomain.error)
  if (!segment.test(namespace)) return refuse('not a namespace name')
  if (!segment.test(account)) return refuse('not a service account name')
  return ok({ trustDomain: trustDomain.value, namespace, serviceAccount: account })
}
