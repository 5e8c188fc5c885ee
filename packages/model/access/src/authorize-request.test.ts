import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { anyRequest } from '@tulle/traffic'
import type { HttpMatch } from '@tulle/traffic'
import type { AccessPolicy, AccessRule } from './access-policy.ts'
import { authorizeRequest, compileAccess } from './authorize-request.ts'
import { parseTrustDomain } from '@tulle/identity'
import { parseIpAddress } from '@tulle/mesh'
import { emptyMatch } from '@tulle/policy'
import type { ConnectionFacts, Verdict } from '@tulle/policy'
import type { RequestFacts } from './request-match.ts'

const overHbone: ConnectionFacts = {
  identity: { trustDomain: must(parseTrustDomain('td')), namespace: 'shop', serviceAccount: 'web' },
  sourceIp: must(parseIpAddress('10.0.0.1')),
  destinationIp: must(parseIpAddress('10.0.1.1')),
  destinationPort: 8080,
}
const plaintext: ConnectionFacts = { ...overHbone, identity: undefined }

const fromWeb = {
  clauses: [{ matches: [{ ...emptyMatch, principals: [{ kind: 'exact', value: 'td/ns/shop/sa/web' }] }] }],
} as const
const onPort = { clauses: [{ matches: [{ ...emptyMatch, destinationPorts: [8080] }] }] }
const reads: HttpMatch = {
  ...anyRequest,
  methods: ['GET', 'HEAD'],
  path: { kind: 'pattern', pattern: { source: '/books(/[0-9]+)?$', anchor: 'start' } },
}

function policy(rules: readonly AccessRule[], change: Partial<AccessPolicy> = {}): AccessPolicy {
  return { name: 'p', namespace: 'shop', scope: 'workload', action: 'allow', dryRun: false, rules, ...change }
}

function request(
  change: Partial<Omit<RequestFacts, 'fields'>> & { headers?: Readonly<Record<string, string[]>> } = {},
): RequestFacts {
  const { headers = {}, ...more } = change
  const fields = { values: (name: string) => headers[name] ?? [] }
  return { method: 'GET', path: '/books/7', host: 'books', ...more, fields }
}

function verdict(
  policies: readonly AccessPolicy[],
  asked: RequestFacts | undefined,
  facts: ConnectionFacts = overHbone,
): Verdict {
  const known = policies.map((one) => must(compileAccess(one)))
  return authorizeRequest({ known, unknown: [] }, { ...facts, request: asked })
}

const byHeader = (source: string): HttpMatch => ({
  ...anyRequest,
  headers: [{ name: 'x-role', value: { kind: 'pattern', pattern: { source, anchor: 'full' } } }],
})
const byHost: HttpMatch = {
  ...anyRequest,
  headers: [{ name: ':authority', value: { kind: 'exact', value: 'books' } }],
}
const web = policy([{ connection: fromWeb, requests: [reads] }])
const refused: Verdict = { allowed: false, reason: 'no-allow-rule', policy: 'shop/p' }
const allowed: Verdict = { allowed: true, reason: 'allow-rule', policy: 'shop/p', rule: 0 }

const table: readonly (readonly [
  name: string,
  policies: readonly AccessPolicy[],
  asked: RequestFacts | undefined,
  expected: Verdict,
  facts?: ConnectionFacts,
])[] = [
  ['without policies everything passes', [], request(), { allowed: true, reason: 'no-policy' }],
  ['who and what both hold', [web], request(), allowed],
  ['another method', [web], request({ method: 'DELETE' }), refused],
  ['a path that only begins like it', [web], request({ path: '/books/7/../../admin' }), refused],
  ['a path is anchored at its start', [web], request({ path: '/x/books' }), refused],
  ['another caller', [web], request(), refused, plaintext],
  ['a stream that is no HTTP meets a rule that reads requests', [web], undefined, refused],
  ['no matches cover nothing', [policy([{ connection: fromWeb, requests: [] }])], request(), refused],
  ['a rule that does not read holds for any stream', [policy([{ connection: onPort }])], undefined, allowed],
  [
    'the first rule that holds is named',
    [policy([{ connection: fromWeb, requests: [] }, { connection: fromWeb }])],
    request(),
    { ...allowed, rule: 1 },
  ],
  [
    'every value of a header has to match',
    [policy([{ connection: fromWeb, requests: [byHeader('reader')] }])],
    request({ headers: { 'x-role': ['reader', 'admin'] } }),
    refused,
  ],
  [
    'a deny rule holds for any reading of several values',
    [policy([{ connection: fromWeb, requests: [byHeader('admin')] }], { action: 'deny' })],
    request({ headers: { 'x-role': ['reader', 'guest ,\tadmin'] } }),
    { allowed: false, reason: 'deny-rule', policy: 'shop/p', rule: 0 },
  ],
  [
    'a deny rule does not hold where a value only contains what it wants',
    [policy([{ connection: fromWeb, requests: [byHeader('admin')] }], { action: 'deny' })],
    request({ headers: { 'x-role': ['administrator', 'reader, an admin'] } }),
    { allowed: true, reason: 'no-policy' },
  ],
  [
    'a deny rule holds where a value has more readings than anybody looks at',
    [policy([{ connection: fromWeb, requests: [byHeader('admin')] }], { action: 'deny' })],
    request({ headers: { 'x-role': ['reader', 'a,'.repeat(256)] } }),
    { allowed: false, reason: 'deny-rule', policy: 'shop/p', rule: 0 },
  ],
  [
    'a deny rule looks at 256 readings of a value',
    [policy([{ connection: fromWeb, requests: [byHeader('admin')] }], { action: 'deny' })],
    request({ headers: { 'x-role': ['reader', 'a,'.repeat(254)] } }),
    { allowed: true, reason: 'no-policy' },
  ],
  [
    'a header matches in full',
    [policy([{ connection: fromWeb, requests: [byHeader('read')] }])],
    request({ headers: { 'x-role': ['reader'] } }),
    refused,
  ],
  [
    'a header that is not there matches nothing, not even anything',
    [policy([{ connection: fromWeb, requests: [byHeader('.*')] }])],
    request(),
    refused,
  ],
  [
    'the host is one name without its port',
    [policy([{ connection: fromWeb, requests: [byHost] }])],
    request(),
    allowed,
  ],
  [
    'a deny rule that reads requests holds for what nobody can read',
    [policy([{ connection: fromWeb, requests: [reads] }], { action: 'deny' })],
    undefined,
    { allowed: false, reason: 'deny-rule', policy: 'shop/p', rule: 0 },
  ],
  [
    'a dry run only tells what it would do',
    [policy([{ connection: fromWeb, requests: [] }], { dryRun: true })],
    request(),
    { allowed: true, reason: 'no-policy', wouldRefuse: { policy: 'shop/p' } },
  ],
]

for (const [name, policies, asked, expected, facts] of table) {
  test(`authorizeRequest: ${name}`, () => assert.deepEqual(verdict(policies, asked, facts), expected))
}

test('authorizeRequest refuses while a policy that the destination names is not known', () => {
  const known = [must(compileAccess(web))]
  assert.deepEqual(
    authorizeRequest({ known, unknown: ['shop/other'] }, { ...overHbone, request: request() }),
    { allowed: false, reason: 'unknown-policy', policy: 'shop/other' },
  )
})

test('compileAccess says which rule has an unsound pattern', () => {
  const unsound: HttpMatch = {
    ...anyRequest,
    path: { kind: 'pattern', pattern: { source: '(', anchor: 'start' } },
  }
  const result = compileAccess(
    policy([{ connection: fromWeb }, { connection: fromWeb, requests: [unsound] }]),
  )
  assert.equal(result.ok, false)
  assert.match(String(!result.ok && result.error), /^rule 1: /u)
})

test('compileAccess refuses what is no name of a header: a rule to deny would never hold', () => {
  for (const name of [':path', ':method', 'X-Role', 'x role', '']) {
    const match: HttpMatch = { ...anyRequest, headers: [{ name, value: { kind: 'exact', value: '/admin' } }] }
    const result = compileAccess(policy([{ connection: fromWeb, requests: [match] }], { action: 'deny' }))
    assert.match(String(!result.ok && result.error), /^rule 0: expected the name of a header/u)
  }
})
