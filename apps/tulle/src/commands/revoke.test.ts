import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStyle } from '../output/style.ts'
import { describeRevocation } from './revoke.ts'

const style = createStyle(false)
const thief = 'spiffe://cluster.local/ns/lab/sa/thief'
const everywhere = { revision: 7, unknown: [], written: [], nodes: 3, missing: [] }

test('describeRevocation() says where it is in force', () => {
  const text = describeRevocation({ verb: 'revoke', entries: [thief], style }, everywhere)
  assert.match(text, /^revoked spiffe:\/\/\S+: in force on 3 of 3 nodes \(revision 7\)$/mu)
})

test('describeRevocation() says where it is not, and what was perhaps meant otherwise', () => {
  const view = {
    ...everywhere,
    nodes: 2,
    missing: [{ node: 'node-3', why: 'is not connected' }],
    unknown: [thief],
  }
  const text = describeRevocation({ verb: 'revoke', entries: [thief, 'a1'], style }, view)
  assert.match(text, /^revoked 2 entries: in force on 2 of 3 nodes/mu)
  assert.match(text, /not on node-3: it is not connected/u)
  assert.match(text, /no workload has spiffe:\/\/cluster.local\/ns\/lab\/sa\/thief now/u)
})

test('describeRevocation() says what stays revoked because it is written', () => {
  const origin = { file: 'theft.yaml', line: 3, column: 1 }
  const written = [{ kind: 'identity', value: thief, by: 'Revocation theft', origin }] as const
  const text = describeRevocation({ verb: 'reinstate', entries: [thief], style }, { ...everywhere, written })
  assert.match(text, /thief stays revoked: Revocation theft \(theft\.yaml:3\) says so/u)
})
