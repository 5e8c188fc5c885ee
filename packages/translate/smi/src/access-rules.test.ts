import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anyRequest } from '@tulle/traffic'
import { accessRules } from './access-rules.ts'
import type { ReadingRule } from './access-rules.ts'
import type { ResolvedRule } from './resolve-rules.ts'

const reads = [{ ...anyRequest, methods: ['GET'] }]
const tcp = (ports: ResolvedRule['ports'], index = 0): ResolvedRule => ({
  index,
  protocol: 'tcp',
  name: 't',
  ports,
})
const udp: ResolvedRule = { index: 0, protocol: 'udp', name: 'u', ports: 'all' }
const http = (requests: ResolvedRule['requests'], index = 0): ResolvedRule => ({
  index,
  protocol: 'http',
  name: 'h',
  ports: 'all',
  ...(requests === undefined ? {} : { requests }),
})

const table: readonly (readonly [string, readonly ResolvedRule[], readonly ReadingRule[]])[] = [
  ['no rules open nothing', [], []],
  ['UDP rules alone open no TCP', [udp], []],
  ['TCP rules alone are as they are at L4', [tcp([80])], [{ index: 0, ports: [80] }]],
  ['HTTP rules alone cover every port', [http(reads)], [{ index: 0, ports: 'all', requests: reads }]],
  [
    'each HTTP rule is one rule',
    [http(reads, 1), http(reads, 2)],
    [
      { index: 1, ports: 'all', requests: reads },
      { index: 2, ports: 'all', requests: reads },
    ],
  ],
  [
    'port and request both have to be covered, by any rule of their kind',
    [tcp([90]), tcp([80], 1), http(reads, 2)],
    [{ index: 2, ports: [80, 90], requests: reads }],
  ],
  [
    'a TCP rule for all ports covers all',
    [tcp([90]), tcp('all', 1), http(reads, 2)],
    [{ index: 2, ports: 'all', requests: reads }],
  ],
  ['a TCP rule that does not resolve is there all the same', [tcp([]), http(reads, 1)], []],
  ['an HTTP rule that does not resolve covers nothing', [http(undefined), tcp('all', 1)], []],
  [
    'UDP rules beside HTTP rules say nothing of TCP',
    [udp, http(reads, 1)],
    [{ index: 1, ports: 'all', requests: reads }],
  ],
]

for (const [name, rules, expected] of table) {
  test(`§9.1 accessRules(): ${name}`, () => assert.deepEqual(accessRules(rules), expected))
}
