import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessPolicy } from '@tulle/access'
import { must } from '@tulle/core'
import { Fields } from '@tulle/http1'
import { parseTrustDomain } from '@tulle/identity'
import type { RequestView } from '@tulle/l7'
import { emptyMatch } from '@tulle/policy'
import { anyRequest } from '@tulle/traffic'
import { MeshAuthorizer } from './mesh-authorizer.ts'
import type { MeshEndpoint } from './mesh-endpoints.ts'
import { ip, stateOf, workload } from './test-mesh.ts'

const state = stateOf()
const trustDomain = must(parseTrustDomain('td'))
const to = { service: 'shop/books', port: 80 }

function policy(name: string, account: string, reads: boolean): AccessPolicy {
  const principals = [{ kind: 'exact', value: `td/ns/shop/sa/${account}` }] as const
  const requests = [{ ...anyRequest, methods: ['GET'] }]
  return {
    name,
    namespace: 'shop',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [
      {
        connection: { clauses: [{ matches: [{ ...emptyMatch, principals }] }] },
        ...(reads ? { requests } : {}),
      },
    ],
  }
}
for (const one of [
  policy('read', 'reader', true),
  policy('tcp', 'reader', false),
  policy('guests', 'guest', false),
])
  assert.equal(state.access.set(one).ok, true)

function endpoint(last: number, policies: readonly string[]): MeshEndpoint {
  const address = `10.2.0.${last}`
  return {
    key: `${address}:8080`,
    ip: address,
    port: 8080,
    ready: true,
    weight: 1,
    protocol: 'http1',
    workload: workload(`w${last}`, address, { policies }),
    service: undefined,
  }
}

function asked(method: string): RequestView {
  return { method, path: '/books', query: '', host: 'books', fields: Fields.of([]) }
}

/** Whether it passes, and the last numbers of the endpoints that get nothing of it. */
function verdictOf(
  account: string,
  request: RequestView | undefined,
  endpoints: readonly MeshEndpoint[],
): readonly [boolean, string, readonly number[]] {
  const authorizer = new MeshAuthorizer(state, () => endpoints)
  const facts = {
    identity: { trustDomain, namespace: 'shop', serviceAccount: account },
    sourceIp: ip('10.0.0.1'),
    destinationIp: ip('10.1.0.1'),
    destinationPort: 80,
  }
  const { verdict, refusedBy } = authorizer.decide(request, { facts }, to)
  const numbers = [...(refusedBy ?? [])].map((key) => Number(/(\d+):/u.exec(key)?.[1]))
  return [verdict.allowed, verdict.policy ?? '', numbers]
}

const reads = [endpoint(1, ['shop/read'])]
const mixed = [
  endpoint(1, ['shop/read']),
  endpoint(2, ['shop/tcp']),
  endpoint(3, ['shop/guests']),
  endpoint(4, []),
  endpoint(5, ['shop/read']),
]

test('all endpoints alike: their rules decide', () => {
  assert.deepEqual(verdictOf('reader', asked('GET'), reads), [true, 'shop/read', []])
  assert.deepEqual(verdictOf('reader', asked('DELETE'), reads), [false, 'shop/read', []])
  assert.deepEqual(verdictOf('guest', asked('GET'), reads), [false, 'shop/read', []])
})

test('where endpoints differ, those that refuse get nothing of the request', () => {
  assert.deepEqual(verdictOf('reader', asked('GET'), mixed), [true, 'shop/read', [3]])
  assert.deepEqual(verdictOf('reader', asked('DELETE'), mixed), [true, 'shop/tcp', [1, 5, 3]])
  assert.deepEqual(verdictOf('guest', asked('GET'), mixed), [true, 'shop/guests', [1, 5, 2]])
  assert.deepEqual(verdictOf('nobody', asked('GET'), mixed), [true, '', [1, 5, 2, 3]])
})

test('case 34: a stream that is no HTTP meets no rule that reads requests', () => {
  assert.deepEqual(verdictOf('reader', undefined, reads), [false, 'shop/read', []])
  assert.deepEqual(verdictOf('reader', undefined, mixed), [true, 'shop/tcp', [1, 5, 3]])
})

test('a policy that is named and not known closes its endpoint alone', () => {
  const endpoints = [endpoint(1, ['shop/absent']), endpoint(2, ['shop/read'])]
  assert.deepEqual(verdictOf('reader', asked('GET'), endpoints), [true, 'shop/read', [1]])
  assert.deepEqual(verdictOf('reader', asked('GET'), endpoints.slice(0, 1)), [false, 'shop/absent', []])
})

test('rules that change hold for the next request, though endpoints stay the same', () => {
  const authorizer = new MeshAuthorizer(state, () => reads)
  const facts = {
    identity: { trustDomain, namespace: 'shop', serviceAccount: 'guest' },
    sourceIp: ip('10.0.0.1'),
    destinationIp: ip('10.1.0.1'),
    destinationPort: 80,
  }
  const allowed = (): boolean => authorizer.decide(asked('GET'), { facts }, to).verdict.allowed
  assert.equal(allowed(), false)
  state.access.set(policy('read', 'guest', true))
  assert.equal(allowed(), true)
  state.access.set(policy('read', 'reader', true))
  assert.equal(allowed(), false)
})
