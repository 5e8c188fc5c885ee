import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import { emptyMatch } from './authorization-policy.ts'
import type { ConnectionFacts, Match, Rule } from './authorization-policy.ts'
import { overHbone, plaintext, policyOf, range, web } from './connection-fixture.ts'
import { matchingRule, principalOf } from './match.ts'

function ruleOf(rules: readonly Rule[], facts: ConnectionFacts = overHbone): number {
  return matchingRule(policyOf({}, { rules }), facts, principalOf(facts))
}

const holds: Match = { ...emptyMatch, destinationPorts: [8080] }
const fails: Match = { ...emptyMatch, destinationPorts: [9090] }
const clause = (...matches: readonly Match[]): Rule['clauses'][number] => ({ matches })

// The rows of research/ambient.md §3.2, in order.

test('policy → rules: joined with OR, the first that holds is named', () => {
  const bad = { clauses: [clause(fails)] }
  const good = { clauses: [clause(holds)] }
  assert.equal(ruleOf([bad, good, good]), 1)
  assert.equal(ruleOf([bad, bad]), -1)
})

test('policy → rules: empty means no match', () => {
  assert.equal(ruleOf([]), -1)
})

test('rule → clauses: joined with AND', () => {
  assert.equal(ruleOf([{ clauses: [clause(holds), clause(holds)] }]), 0)
  assert.equal(ruleOf([{ clauses: [clause(holds), clause(fails)] }]), -1)
})

test('rule → clauses: empty means match', () => {
  assert.equal(ruleOf([{ clauses: [] }]), 0)
})

test('clause → matches: joined with OR', () => {
  assert.equal(ruleOf([{ clauses: [clause(fails, holds)] }]), 0)
  assert.equal(ruleOf([{ clauses: [clause(fails, fails)] }]), -1)
})

test('clause → matches: empty means match', () => {
  assert.equal(ruleOf([{ clauses: [clause()] }]), 0)
})

test('match → field kinds: joined with AND', () => {
  assert.equal(ruleOf([{ clauses: [clause({ ...holds, sourceIps: [range('10.0.0.0/8')] })] }]), 0)
  assert.equal(ruleOf([{ clauses: [clause({ ...holds, sourceIps: [range('192.168.0.0/16')] })] }]), -1)
})

test('match → field kinds: all twelve empty is skipped, so means no match', () => {
  assert.equal(ruleOf([{ clauses: [clause(emptyMatch)] }]), -1)
  assert.equal(ruleOf([{ clauses: [clause(emptyMatch, holds)] }]), 0)
})

test('match → field kinds: any one list that is not empty keeps a match from being skipped', () => {
  const lists: readonly Partial<Match>[] = [
    { namespaces: [{ kind: 'exact', value: 'shop' }] },
    { notNamespaces: [{ kind: 'exact', value: 'other' }] },
    { principals: [{ kind: 'presence' }] },
    { notPrincipals: [{ kind: 'exact', value: 'other' }] },
    { sourceIps: [range('10.0.0.1')] },
    { notSourceIps: [range('10.0.0.2')] },
    { destinationIps: [range('10.0.1.1')] },
    { notDestinationIps: [range('10.0.1.2')] },
    { destinationPorts: [8080] },
    { notDestinationPorts: [8081] },
    { serviceAccounts: [{ namespace: 'shop', serviceAccount: 'web' }] },
    { notServiceAccounts: [{ namespace: 'shop', serviceAccount: 'api' }] },
  ]
  assert.deepEqual(
    lists.map((list) => ruleOf([{ clauses: [clause({ ...emptyMatch, ...list })] }])),
    lists.map(() => 0),
  )
})

interface FieldCase {
  readonly name: string
  readonly match: Partial<Match>
  readonly facts?: ConnectionFacts
  readonly expected: boolean
}

const exact = (value: string): { kind: 'exact'; value: string } => ({ kind: 'exact', value })
const v6: ConnectionFacts = { ...overHbone, sourceIp: must(parseIpAddress('fd00::1')) }

const fieldCases: readonly FieldCase[] = [
  { name: 'positive list: any entry will do', match: { destinationPorts: [1, 8080] }, expected: true },
  { name: 'positive list: none matches', match: { destinationPorts: [1, 2] }, expected: false },
  { name: 'negative list: none matches', match: { notDestinationPorts: [1, 2] }, expected: true },
  { name: 'negative list: one matches', match: { notDestinationPorts: [1, 8080] }, expected: false },
  {
    name: 'both lists: the negative one wins',
    match: { destinationPorts: [8080], notDestinationPorts: [8080] },
    expected: false,
  },
  {
    name: 'principals are compared without spiffe://',
    match: { principals: [exact('td/ns/shop/sa/web')] },
    expected: true,
  },
  {
    name: 'principals with spiffe:// match nobody',
    match: { principals: [exact('spiffe://td/ns/shop/sa/web')] },
    expected: false,
  },
  {
    name: 'principals by prefix',
    match: { principals: [{ kind: 'prefix', value: 'td/ns/shop/' }] },
    expected: true,
  },
  {
    name: 'principals by prefix of another domain',
    match: { principals: [{ kind: 'prefix', value: 'td2/' }] },
    expected: false,
  },
  {
    name: 'principals by suffix',
    match: { principals: [{ kind: 'suffix', value: '/sa/web' }] },
    expected: true,
  },
  {
    name: 'principals exactly, not by prefix',
    match: { principals: [exact('td/ns/shop/sa/we')] },
    expected: false,
  },
  {
    name: 'principals in another case',
    match: { principals: [exact('TD/ns/shop/sa/web')] },
    expected: false,
  },
  {
    name: 'a dot in an account is a dot',
    match: { principals: [exact('td/ns/shop/sa/a.b')] },
    facts: { ...overHbone, identity: { ...web, serviceAccount: 'axb' } },
    expected: false,
  },
  { name: 'presence holds with an identity', match: { principals: [{ kind: 'presence' }] }, expected: true },
  {
    name: 'presence fails for plaintext',
    match: { principals: [{ kind: 'presence' }] },
    facts: plaintext,
    expected: false,
  },
  {
    name: 'not presence fails with an identity',
    match: { notPrincipals: [{ kind: 'presence' }] },
    expected: false,
  },
  {
    name: 'not presence holds for plaintext',
    match: { notPrincipals: [{ kind: 'presence' }] },
    facts: plaintext,
    expected: true,
  },
  {
    name: 'the empty prefix of principals fails for plaintext',
    match: { principals: [{ kind: 'prefix', value: '' }] },
    facts: plaintext,
    expected: false,
  },
  {
    name: 'the empty exact principal fails for plaintext',
    match: { principals: [exact('')] },
    facts: plaintext,
    expected: false,
  },
  {
    name: 'the empty prefix of not principals holds for plaintext',
    match: { notPrincipals: [{ kind: 'prefix', value: '' }] },
    facts: plaintext,
    expected: true,
  },
  { name: 'namespaces are taken from the identity', match: { namespaces: [exact('shop')] }, expected: true },
  {
    name: 'namespaces are "" for plaintext',
    match: { namespaces: [exact('')] },
    facts: plaintext,
    expected: true,
  },
  {
    name: 'presence of a namespace fails for plaintext',
    match: { namespaces: [{ kind: 'presence' }] },
    facts: plaintext,
    expected: false,
  },
  {
    name: 'not namespaces holds for plaintext',
    match: { notNamespaces: [exact('shop')] },
    facts: plaintext,
    expected: true,
  },
  {
    name: 'service accounts',
    match: { serviceAccounts: [{ namespace: 'shop', serviceAccount: 'web' }] },
    expected: true,
  },
  {
    name: 'service accounts in another namespace',
    match: { serviceAccounts: [{ namespace: 'other', serviceAccount: 'web' }] },
    expected: false,
  },
  {
    name: 'service accounts fail for plaintext',
    match: { serviceAccounts: [{ namespace: 'shop', serviceAccount: 'web' }] },
    facts: plaintext,
    expected: false,
  },
  {
    name: 'not service accounts holds for plaintext',
    match: { notServiceAccounts: [{ namespace: 'shop', serviceAccount: 'web' }] },
    facts: plaintext,
    expected: true,
  },
  { name: 'source IPs are ranges', match: { sourceIps: [range('10.0.0.0/30')] }, expected: true },
  { name: 'source IPs outside the range', match: { sourceIps: [range('10.0.0.2/31')] }, expected: false },
  {
    name: 'source IPs: /0 is every address of the family',
    match: { sourceIps: [range('0.0.0.0/0')] },
    expected: true,
  },
  {
    name: 'source IPs: IPv4 /0 holds for no IPv6 address',
    match: { sourceIps: [range('0.0.0.0/0')] },
    facts: v6,
    expected: false,
  },
  { name: 'source IPs of IPv6', match: { sourceIps: [range('fd00::/8')] }, facts: v6, expected: true },
  { name: 'not source IPs', match: { notSourceIps: [range('10.0.0.0/8')] }, expected: false },
  { name: 'destination IPs', match: { destinationIps: [range('10.0.1.0/24')] }, expected: true },
  { name: 'not destination IPs', match: { notDestinationIps: [range('10.0.1.1')] }, expected: false },
  {
    name: 'the destination port is the application port, never 15008',
    match: { destinationPorts: [15_008] },
    expected: false,
  },
]

for (const { name, match, facts = overHbone, expected } of fieldCases) {
  test(`match: ${name}`, () => {
    assert.equal(ruleOf(policyOf(match).rules, facts) === 0, expected)
  })
}
