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
