import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { decodeAuthorization, scopeOfRefused } from './decode-authorization.ts'
import { encodeAuthorization } from './encode-authorization.ts'
import { bytesOf, hex, policyOf, range } from './model-fixture.ts'

/** name p, namespace s, scope NAMESPACE */
const start = '0a0170 120173 1801'

/** A match in a clause in a rule of the policy. */
function withMatch(match: string): Uint8Array {
  const length = (text: string): string => (text.length / 2).toString(16).padStart(2, '0') + text
  const body = match.replaceAll(' ', '')
  return bytesOf(`${start}2a${length(`0a${length(`12${length(body)}`)}`)}`)
}

// design.md §4: any unknown field or enum value inside Authorization is refused.
const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['an unknown field', bytesOf(`${start} 4001`), /unknown field 8 in Authorization/u],
  ['an unknown field of a rule', bytesOf(`${start} 2a021001`), /unknown field 2 in Authorization.rules/u],
  [
    'an unknown field of a clause (1, where matches are 2)',
    bytesOf(`${start} 2a04 0a02 0a00`),
    /unknown field 1 in .*clauses/u,
  ],
  ['an unknown field of a match', withMatch('7001'), /unknown field 14 in .*matches/u],
  ['an unknown field of a string match', withMatch('0a022801'), /unknown field 5 in .*namespaces/u],
  ['an unknown field within presence', withMatch('1a0422020801'), /unknown field 1 in .*presence/u],
  ['an unknown field of a range', withMatch('2a08 0a040a000000 1801'), /unknown field 3 in .*source_ips/u],
  [
    'an unknown field of a service account',
    withMatch('5a08 0a0161 120162 1801'),
    /unknown field 3 in .*service_accounts/u,
  ],
  ['an unknown group', bytesOf(`${start} 4344`), /unknown field 8/u],
  ['an unknown scope', bytesOf('0a0170 120173 1803'), /unknown value 3 of Authorization.scope/u],
  ['an unknown action', bytesOf(`${start} 2002`), /unknown value 2 of Authorization.action/u],
  [
    'an action beyond 32 bits, which a lax reader takes for ALLOW',
    bytesOf(`${start} 208080808010`),
    /unknown value/u,
  ],
  ['a field in another wire type', bytesOf('0a0170 120173 1a00'), /scope has wire type 2/u],
  ['a text as a number', bytesOf('0801 120173 1801'), /name has wire type 0/u],
  ['a nested message that runs over its end', bytesOf(`${start} 2a02 0a05 12030a0161`), /runs over its end/u],
  ['packed ports that run over their end', withMatch('4a0180'), /runs over its end|premature|EOF/u],
  ['extensions', bytesOf(`${start} 3a03 0a0165`), /extensions are not supported/u],
  ['extensions of a match', withMatch('6a030a0165'), /extensions are not supported/u],
  ['no name', bytesOf('120173 1801'), /name is empty/u],
  ['a namespace scope without namespace', bytesOf('0a0170 1801'), /namespace is empty/u],
  ['a string match that says nothing', withMatch('0a00'), /namespaces\[0\]: a string match without/u],
  ['a range of 3 bytes', withMatch('2a07 0a030a0000 1008'), /source_ips\[0\]: .*found 3/u],
  [
    'a prefix too long for IPv4',
    withMatch('3208 0a040a000000 1021'),
    /not_source_ips\[0\]: a prefix of 33 bits/u,
  ],
  [
    'a prefix too long for IPv6',
    withMatch('3a15 0a10fd000000000000000000000000000000 108101'),
    /destination_ips\[0\]: a prefix of 129 bits/u,
  ],
  [
    'a mapped range wider than IPv4',
    withMatch('4214 0a1000000000000000000000ffff0a000000 1058'),
    /not_destination_ips\[0\]: a prefix of 88 bits/u,
  ],
  ['port 0', withMatch('4a0100'), /destination_ports\[0\]: .*found 0/u],
  [
    'port 65536, which a lax reader truncates to 0',
    withMatch('5203 808004'),
    /not_destination_ports\[0\]: .*found 65536/u,
  ],
  [
    'a port beyond 32 bits, which a lax reader truncates to 80',
    withMatch('4a06 d08080808001'),
    /unknown value 34359738448 of .*destination_ports/u,
  ],
  ['a service account without namespace', withMatch('5a03 120162'), /service_accounts\[0\]/u],
  ['a negative service account without name', withMatch('6203 0a0161'), /not_service_accounts\[0\]/u],
  ['text that is not UTF-8', bytesOf('0a01ff 120173 1801'), /not an Authorization/u],
  ['truncated bytes', bytesOf('0a05 70'), /runs over its end|not an Authorization/u],
]

for (const [name, bytes, expected] of refused) {
  test(`decodeAuthorization refuses ${name}`, () => {
    const result = decodeAuthorization(bytes)
    assert.ok(!result.ok, 'expected an error')
    assert.match(result.error, expected)
  })
}

test('decodeAuthorization reads ports whether they are packed or not', () => {
  const packed = must(decodeAuthorization(withMatch('4a0250 51')))
  const unpacked = must(decodeAuthorization(withMatch('4850 4851')))
  assert.deepEqual(packed, unpacked)
  assert.deepEqual(packed, policyOf({ destinationPorts: [80, 81] }))
})

test('decodeAuthorization reads an IPv4-mapped range as the IPv4 range that it means', () => {
  const mapped = must(decodeAuthorization(withMatch('2a14 0a1000000000000000000000ffff0a000000 1068')))
  assert.deepEqual(mapped, policyOf({ sourceIps: [range('10.0.0.0/8')] }))
})

test('decodeAuthorization keeps apart what is empty: rules, clauses, matches', () => {
  for (const rules of [[], [{ clauses: [] }], [{ clauses: [{ matches: [] }] }], policyOf({}).rules]) {
    const policy = { ...policyOf({}), rules }
    assert.deepEqual(must(decodeAuthorization(encodeAuthorization(policy))), policy)
  }
})

test('decodeAuthorization takes a policy of the whole mesh without namespace', () => {
  const policy = must(decodeAuthorization(bytesOf('0a0170')))
  assert.deepEqual(
    [policy.scope, policy.namespace, hex(encodeAuthorization(policy))],
    ['global', '', '0a0170'],
  )
})

test('scopeOfRefused says whom a refused policy was meant for, and nothing of another or of rubbish', () => {
  assert.equal(scopeOfRefused('s/p', bytesOf(`${start} 4001`)), 'namespace')
  assert.equal(scopeOfRefused('s/p', bytesOf('0a0170 120173 4001')), 'global')
  assert.equal(scopeOfRefused('s/p', bytesOf('0a0170 120173 1803')), undefined)
  assert.equal(scopeOfRefused('s/other', bytesOf(`${start} 4001`)), undefined)
  assert.equal(scopeOfRefused('s/p', bytesOf('ffffff')), undefined)
})
