import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '@tulle/core'
import { ipFromBytes } from '@tulle/mesh'
import { parseTraceparent } from '@tulle/trace-context'
import { formatAuthority, parseAuthority } from './authority.ts'
import { encodeBaggage, parseBaggage } from './baggage.ts'
import { parseConnect } from './connect.ts'
import { encodeForwarded, parseForwarded } from './forwarded.ts'

/** Noise, and noise made of what the grammars are made of. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef-.:;,="[]%\\ \t@forhst'.split('')), maxLength: 300 }),
)
const names = [
  ':method',
  ':authority',
  ':path',
  'baggage',
  'forwarded',
  'traceparent',
  'x-forwarded-network',
  'other',
]
const value = fc.oneof(fc.constantFrom('CONNECT', '10.0.0.1:80'), text)

test('parseConnect gives a result for any headers', () => {
  const headers = fc.array(fc.oneof(fc.constantFrom(...names), value), { maxLength: 24 })
  fc.assert(
    fc.property(headers, (list) => typeof parseConnect(list).ok === 'boolean'),
    { numRuns: 1000 },
  )
})

test('parseConnect takes any baggage, forwarded and traceparent beside a good authority', () => {
  fc.assert(
    fc.property(text, text, text, (baggage, forwarded, traceparent) => {
      const headers = [':method', 'CONNECT', ':authority', 'a:1', 'baggage', baggage, 'forwarded', forwarded]
      assert.ok(parseConnect([...headers, 'traceparent', traceparent]).ok)
    }),
    { numRuns: 1000 },
  )
})

test('parseAuthority takes only what formatAuthority can write again', () => {
  fc.assert(
    fc.property(text, (one) => {
      const first = parseAuthority(one)
      if (first.ok) assert.deepEqual(parseAuthority(formatAuthority(first.value)), first)
    }),
  )
})

test('encodeForwarded and parseForwarded agree on any client and host', () => {
  const address = fc
    .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
    .map((bytes) => must(ipFromBytes(bytes)))
  const port = fc.integer({ min: 1, max: 65_535 })
  const host = fc.string({
    unit: fc.constantFrom(...'abc019.-:"\\;, ='.split('')),
    minLength: 1,
    maxLength: 40,
  })
  fc.assert(
    fc.property(address, port, host, (client, clientPort, name) => {
      const forwarded = { client: { address: client, port: clientPort }, host: name }
      assert.deepEqual(parseForwarded(encodeForwarded(forwarded)), forwarded)
    }),
  )
})

test('encodeBaggage and parseBaggage agree on any value without space around it', () => {
  const label = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
    .filter((one) => one.trim() === one)
  fc.assert(
    fc.property(label, label, (namespace, canonicalName) => {
      const facts = {
        kubeCluster: '',
        namespace,
        workloadType: 'pod' as const,
        workloadName: '',
        canonicalName,
        canonicalRevision: '',
      }
      assert.deepEqual(parseBaggage([encodeBaggage(facts)]), { namespace, serviceName: canonicalName })
    }),
  )
})

test('parseForwarded and parseTraceparent read a thousand hostile headers at once', () => {
  const started = process.cpuUsage()
  for (const piece of ['for="\\', 'a=b;', 'a="b', '\\"', 'a="\\"', '0', '-']) {
    // As long as they are still read at all.
    const hostile = piece.repeat(1000).slice(0, 1000)
    for (let i = 0; i < 1000; i++) {
      assert.equal(parseForwarded(hostile), undefined)
      assert.equal(parseTraceparent(hostile.slice(0, 500)), undefined)
    }
  }
  assert.ok(process.cpuUsage(started).user < 5_000_000, 'expected a small part of five seconds')
})
