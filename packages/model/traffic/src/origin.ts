/** The object, and the rule within it, that a piece of traffic configuration came from: for receipts, logs and explanations. */
export interface RuleOrigin {
  readonly kind: 'HTTPRoute' | 'GRPCRoute' | 'TLSRoute' | 'TCPRoute' | 'TrafficSplit' | 'static'
  readonly namespace: string
  readonly name: string
  /** Place in the object's list of rules, from 0. */
  readonly rule: number
  /** The rule's own name, where it has one. */
  readonly ruleName?: string
}

/** `HTTPRoute bookstore/canary rule 0 (preview)`: how a rule is named to people. */
export function describeOrigin(origin: RuleOrigin): string {
  const own = origin.ruleName === undefined ? '' : ` (${origin.ruleName})`
  return `${origin.kind} ${origin.namespace}/${origin.name} rule ${origin.rule}${own}`
}

/** Whether a rule was written in the namespace of a service (`namespace/hostname`): by whoever may say what the service takes. */
export function isOfSameOwner(origin: Pick<RuleOrigin, 'namespace'> | undefined, service: string): boolean {
  return origin?.namespace === service.slice(0, Math.max(0, service.indexOf('/')))
}
