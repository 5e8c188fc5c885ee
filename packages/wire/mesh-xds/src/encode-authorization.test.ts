import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuthorizationPolicy, Match } from '@tulle/policy'
import { encodeAuthorization } from './encode-authorization.ts'
import { hex, policyOf, range } from './model-fixture.ts'

const start = '0a0170' + '120173' + '1801'

/** The match in field 2 of a clause in field 1 of a rule in field 5. */
function rule(match: string): string {
  const bytes = (text: string): string => hex(Uint8Array.of(text.length / 2)) + text
  return `2a${bytes(`0a${bytes(`12${bytes(match)}`)}`)}`
}

const matchCases: readonly (readonly [string, Partial<Match>, string])[] = [
  ['namespaces (1), exact (1)', { namespaces: [{ kind: 'exact', value: 'a' }] }, '0a03' + '0a0161'],
  ['not namespaces (2), prefix (2)', { notNamespaces: [{ kind: 'prefix', value: 'a' }] }, '1203' + '120161'],
  ['principals (3), suffix (3)', { principals: [{ kind: 'suffix', value: 'a' }] }, '1a03' + '1a0161'],
  ['not principals (4), presence (4)', { notPrincipals: [{ kind: 'presence' }] }, '2202' + '2200'],
  ['source IPs (5)', { sourceIps: [range('10.0.0.0/8')] }, '2a08' + '0a040a000000' + '1008'],
  ['not source IPs (6)', { notSourceIps: [range('10.0.0.0/8')] }, '3208' + '0a040a000000' + '1008'],
  ['destination IPs (7)', { destinationIps: [range('0.0.0.0/0')] }, '3a06' + '0a0400000000'],
  ['not destination IPs (8)', { notDestinationIps: [range('10.0.0.0/8')] }, '4208' + '0a040a000000' + '1008'],
  ['destination ports (9), packed', { destinationPorts: [80, 8080] }, '4a03' + '50903f'],
  ['not destination ports (10), packed', { notDestinationPorts: [80] }, '5201' + '50'],
  [
    'service accounts (11)',
    { serviceAccounts: [{ namespace: 'a', serviceAccount: 'b' }] },
    '5a06' + '0a0161' + '120162',
  ],
  [
    'not service accounts (12)',
    { notServiceAccounts: [{ namespace: 'a', serviceAccount: 'b' }] },
    '6206' + '0a0161' + '120162',
  ],
]

for (const [name, match, bytes] of matchCases) {
  test(`encodeAuthorization writes ${name}`, () => {
    assert.equal(hex(encodeAuthorization(policyOf(match))), start + rule(bytes))
  })
}

const plain = policyOf({})

const policyCases: readonly (readonly [string, AuthorizationPolicy, string])[] = [
  ['no rules', { ...plain, rules: [] }, start],
  ['a rule without clauses', { ...plain, rules: [{ clauses: [] }] }, start + '2a00'],
  [
    'a clause without matches',
    { ...plain, rules: [{ clauses: [{ matches: [] }] }] },
    start + '2a02' + '0a00',
  ],
  ['an empty match', plain, start + '2a04' + '0a02' + '1200'],
  ['scope GLOBAL (3) and no namespace', { ...plain, rules: [], scope: 'global', namespace: '' }, '0a0170'],
  ['scope WORKLOAD_SELECTOR (3)', { ...plain, rules: [], scope: 'workload' }, '0a0170' + '120173' + '1802'],
  ['action DENY (4)', { ...plain, rules: [], action: 'deny' }, start + '2001'],
  ['dry run (6)', { ...plain, rules: [], dryRun: true }, start + '3001'],
]

for (const [name, policy, bytes] of policyCases) {
  test(`encodeAuthorization writes ${name}`, () => {
    assert.equal(hex(encodeAuthorization(policy)), bytes)
  })
}
