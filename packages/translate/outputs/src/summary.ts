import { unreachable } from '@tulle/core'
import type { Explanation } from './explanation.ts'

/** The explanation in one line. */
export function summaryOf(explanation: Omit<Explanation, 'summary'>): string {
  const { from, to, port, service, request } = explanation
  const called = service === undefined ? '' : ` (${service})`
  const verdict = explanation.allowed ? 'allowed' : 'refused'
  const asked = request === undefined ? '' : ` ${request.method} ${request.path}`
  const call = `${from.namespace}/${from.name} → ${to.namespace}/${to.name}:${port}${called}${asked}`
  if (explanation.verdict.allowed && !explanation.allowed && request?.answer !== undefined)
    return `${call} is answered ${request.answer.status}: ${request.answer.why}`
  return `${call} is ${verdict}: ${reasonOf(explanation)}`
}

function reasonOf(explanation: Omit<Explanation, 'summary'>): string {
  const { verdict, rule } = explanation
  if (verdict.wouldRefuse !== undefined) return auditReason(explanation, verdict.wouldRefuse.policy)
  switch (verdict.reason) {
    case 'no-policy':
      return noPolicyReason(explanation)
    case 'allow-rule':
    case 'deny-rule':
      return rule === undefined ? 'a rule holds' : `${rule.object}: ${rule.text}`
    case 'no-allow-rule':
      return noAllowRule(explanation)
    case 'unknown-policy':
      return `policy ${verdict.policy ?? ''} holds there and is not known yet`
    default:
      return unreachable(verdict.reason)
  }
}

function auditReason({ policies }: Omit<Explanation, 'summary'>, policy: string): string {
  const look = policies.find(({ key }) => key === policy)
  const would = look === undefined ? policy : `${look.object} would refuse it, because ${look.why}`
  return `the mesh only audits; otherwise ${would}`
}

function noPolicyReason({ enforced, policies, to }: Omit<Explanation, 'summary'>): string {
  const name = `${to.namespace}/${to.name}`
  if (!enforced) return `no node proxy receives for ${name}, so that nobody decides there`
  return policies.length === 0 ? `no policy names ${name}` : 'no policy that is enforced refuses it'
}

function noAllowRule({ policies, identitySeen, to }: Omit<Explanation, 'summary'>): string {
  const targets = policies.filter(({ object }) => object.startsWith('TrafficTarget '))
  const caller = identitySeen ?? 'a caller without an identity (plaintext)'
  if (targets.length === 0) {
    return `no TrafficTarget names ${to.namespace}/${to.name}, and access mode enforce refuses what none allows`
  }
  const said = targets.map(({ object, why }) => `${object}: ${why}`).join('; ')
  return `nothing admits ${caller}: ${said}`
}
