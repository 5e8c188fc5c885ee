import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuthorizationPolicy, ConnectionFacts, Verdict } from './authorization-policy.ts'
import { authorize, authorizeWith } from './authorize.ts'
import { overHbone, plaintext, policyOf } from './connection-fixture.ts'

const matching = { destinationPorts: [8080] }
const other = { destinationPorts: [9090] }

const allow = policyOf(matching, { name: 'allow' })
const allowOther = policyOf(other, { name: 'allow-other' })
const deny = policyOf(matching, { name: 'deny', action: 'deny' })
const denyOther = policyOf(other, { name: 'deny-other', action: 'deny' })
const dry = { dryRun: true } as const

const strict = policyOf({ notPrincipals: [{ kind: 'presence' }] }, { name: 'strict', action: 'deny' })

interface Case {
  readonly name: string
  readonly policies: readonly AuthorizationPolicy[]
  readonly facts?: ConnectionFacts
  readonly expected: Verdict
}

// research/ambient.md §3.1, sentence by sentence.
const cases: readonly Case[] = [
  {
    name: 'without policies everything passes',
    policies: [],
    expected: { allowed: true, reason: 'no-policy' },
  },
  {
    name: 'a deny that matches refuses',
    policies: [deny],
    expected: { allowed: false, reason: 'deny-rule', policy: 'shop/deny', rule: 0 },
  },
  {
    name: 'a deny that matches refuses whatever is allowed before it',
    policies: [allow, deny],
    expected: { allowed: false, reason: 'deny-rule', policy: 'shop/deny', rule: 0 },
  },
  {
    name: 'without any allow everything passes that no deny matches',
    policies: [denyOther],
    expected: { allowed: true, reason: 'no-policy' },
  },
  {
    name: 'an allow that matches passes, and is named',
    policies: [allowOther, allow],
    expected: { allowed: true, reason: 'allow-rule', policy: 'shop/allow', rule: 0 },
  },
  {
    name: 'where allows exist and none matches it is refused',
    policies: [allowOther],
    expected: { allowed: false, reason: 'no-allow-rule', policy: 'shop/allow-other' },
  },
  {
    name: 'an allow without rules refuses all',
    policies: [policyOf({}, { rules: [] })],
    expected: { allowed: false, reason: 'no-allow-rule', policy: 'shop/p' },
  },
  {
    name: 'an allow with only an empty match refuses all',
    policies: [policyOf({})],
    expected: { allowed: false, reason: 'no-allow-rule', policy: 'shop/p' },
  },
  {
    name: 'a deny with only an empty match does nothing',
    policies: [policyOf({}, { action: 'deny' })],
    expected: { allowed: true, reason: 'no-policy' },
  },
  {
    name: 'a deny with an empty clause refuses all',
    policies: [policyOf({}, { action: 'deny', rules: [{ clauses: [{ matches: [] }] }] })],
    expected: { allowed: false, reason: 'deny-rule', policy: 'shop/p', rule: 0 },
  },
  {
    name: 'strict mTLS refuses plaintext',
    policies: [strict],
    facts: plaintext,
    expected: { allowed: false, reason: 'deny-rule', policy: 'shop/strict', rule: 0 },
  },
  {
    name: 'strict mTLS passes an identity',
    policies: [strict],
    expected: { allowed: true, reason: 'no-policy' },
  },
  {
    name: 'a dry-run deny passes and says what it would do',
    policies: [allow, { ...deny, ...dry }],
    expected: {
      allowed: true,
      reason: 'allow-rule',
      policy: 'shop/allow',
      rule: 0,
      wouldRefuse: { policy: 'shop/deny', rule: 0 },
    },
  },
  {
    name: 'a dry-run allow that does not match passes and says what it would do',
    policies: [{ ...allowOther, ...dry }],
    expected: { allowed: true, reason: 'no-policy', wouldRefuse: { policy: 'shop/allow-other' } },
  },
  {
    name: 'a dry-run allow that does not match changes nothing beside an enforced one that does',
    policies: [allow, { ...allowOther, ...dry }],
    expected: { allowed: true, reason: 'allow-rule', policy: 'shop/allow', rule: 0 },
  },
  {
    name: 'of several dry-run allows one that matches is enough',
    policies: [
      { ...allowOther, ...dry },
      { ...allow, ...dry },
    ],
    expected: { allowed: true, reason: 'no-policy' },
  },
  {
    name: 'a dry-run deny outweighs a dry-run allow',
    policies: [
      { ...allow, ...dry },
      { ...deny, ...dry },
    ],
    expected: { allowed: true, reason: 'no-policy', wouldRefuse: { policy: 'shop/deny', rule: 0 } },
  },
  {
    name: 'a dry-run allow that matches opens nothing',
    policies: [allowOther, { ...allow, ...dry }],
    expected: { allowed: false, reason: 'no-allow-rule', policy: 'shop/allow-other' },
  },
]

for (const { name, policies, facts = overHbone, expected } of cases) {
  test(`authorize: ${name}`, () => {
    assert.deepEqual(authorize(policies, facts), expected)
  })
}

test('authorizeWith refuses while a policy is unknown, though all others allow', () => {
  assert.deepEqual(authorizeWith({ known: [allow], unknown: ['shop/late'] }, overHbone), {
    allowed: false,
    reason: 'unknown-policy',
    policy: 'shop/late',
  })
})

test('authorizeWith is authorize when every policy is known', () => {
  assert.deepEqual(authorizeWith({ known: [allow], unknown: [] }, overHbone), authorize([allow], overHbone))
})
