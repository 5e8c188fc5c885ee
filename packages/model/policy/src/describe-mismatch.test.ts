import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyMatch } from './authorization-policy.ts'
import type { Match } from './authorization-policy.ts'
import { overHbone, plaintext, policyOf, range } from './connection-fixture.ts'
import { describeMismatch } from './describe-mismatch.ts'

test('describeMismatch says nothing of a policy that matches', () => {
  assert.deepEqual(describeMismatch(policyOf({ destinationPorts: [8080] }), overHbone), [])
})

test('describeMismatch says nothing of a policy without rules', () => {
  assert.deepEqual(describeMismatch(policyOf({}, { rules: [] }), overHbone), [])
})

const cases: readonly (readonly [Partial<Match>, string, string, string])[] = [
  [{ destinationPorts: [80, 81] }, 'destinationPorts', '80 or 81', '8080'],
  [{ notDestinationPorts: [8080] }, 'notDestinationPorts', 'not 8080', '8080'],
  [
    { principals: [{ kind: 'prefix', value: 'td/ns/api/' }] },
    'principals',
    'td/ns/api/*',
    'td/ns/shop/sa/web',
  ],
  [{ notPrincipals: [{ kind: 'presence' }] }, 'notPrincipals', 'not any', 'td/ns/shop/sa/web'],
  [{ namespaces: [{ kind: 'suffix', value: '-x' }] }, 'namespaces', '*-x', 'shop'],
  [{ serviceAccounts: [{ namespace: 'a', serviceAccount: 'b' }] }, 'serviceAccounts', 'a/b', 'shop/web'],
  [{ sourceIps: [range('192.168.0.0/16')] }, 'sourceIps', '192.168.0.0/16', '10.0.0.1'],
  [{ notDestinationIps: [range('10.0.0.0/8')] }, 'notDestinationIps', 'not 10.0.0.0/8', '10.0.1.1'],
  [{}, 'nothing', 'nothing', 'any connection'],
]

for (const [match, field, expected, found] of cases) {
  test(`describeMismatch names ${field}, what was expected and what was found`, () => {
    assert.deepEqual(describeMismatch(policyOf(match), overHbone), [
      { rule: 0, clause: 0, match: 0, field, expected, found },
    ])
  })
}

test('describeMismatch says that a plaintext caller has no identity', () => {
  const [mismatch] = describeMismatch(policyOf({ principals: [{ kind: 'exact', value: 'a' }] }), plaintext)
  assert.equal(mismatch?.found, 'no identity (plaintext)')
})

test('describeMismatch names the first clause that does not hold, of every rule', () => {
  const port = (value: number): Match => ({ ...emptyMatch, destinationPorts: [value] })
  const policy = policyOf(
    {},
    {
      rules: [
        { clauses: [{ matches: [port(8080)] }, { matches: [port(1), port(2)] }] },
        { clauses: [{ matches: [port(3)] }] },
      ],
    },
  )
  assert.deepEqual(
    describeMismatch(policy, overHbone).map(({ rule, clause, match, expected }) => [
      rule,
      clause,
      match,
      expected,
    ]),
    [
      [0, 1, 0, '1'],
      [0, 1, 1, '2'],
      [1, 0, 0, '3'],
    ],
  )
})
