import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refusalLine, Thinned } from './events.ts'

const entry = {
  verdict: 'refused',
  'src.identity': 'spiffe://cluster.local/ns/a/sa/b',
  dst: '10.77.1.2:8080',
  policy: 'a/smi.x',
}

test('refusalLine() names caller, destination and policy', () => {
  assert.equal(refusalLine(JSON.stringify(entry)), 'refused /ns/a/sa/b → 10.77.1.2:8080  policy a/smi.x')
})

test('refusalLine() names what was asked where a request was refused', () => {
  const { dst: _, ...refused } = entry
  const asked = { ...refused, 'dst.service': 'a/books.a.svc.cluster.local', method: 'DELETE' }
  assert.equal(refusalLine(JSON.stringify(asked)), 'refused /ns/a/sa/b → DELETE a/books  policy a/smi.x')
  const odd = { ...asked, method: 'X-1' }
  assert.equal(refusalLine(JSON.stringify(odd)), 'refused /ns/a/sa/b → a/books  policy a/smi.x')
})

test('refusalLine() says so when the caller has no identity, and why when no policy decided', () => {
  const line = JSON.stringify({ verdict: 'refused', dst: 'd', error: 'unknown-policy' })
  assert.equal(refusalLine(line), 'refused a caller without identity → d  unknown-policy')
})

test('refusalLine() passes over what was allowed, and what is no access log entry', () => {
  assert.equal(refusalLine(JSON.stringify({ ...entry, verdict: 'allowed' })), undefined)
  assert.equal(refusalLine('Segmentation fault'), undefined)
})

test('refusalLine() leaves it to the destination to tell of its own refusals', () => {
  const asked = { ...entry, direction: 'outbound', error: "the destination's proxy answered 401" }
  assert.equal(refusalLine(JSON.stringify(asked)), undefined)
  assert.notEqual(refusalLine(JSON.stringify({ ...asked, error: 'no way to the waypoint' })), undefined)
})

test('refusalLine() tells of audit mode', () => {
  assert.match(
    refusalLine(JSON.stringify({ ...entry, verdict: 'allowed', would_refuse: 'a/smi.x' })) ?? '',
    /^would refuse /u,
  )
})

test('Thinned.pass() lets a line through every so often and counts the rest', () => {
  const thinned = new Thinned(1000)
  assert.equal(thinned.pass('a', 0), 'a')
  assert.equal(thinned.pass('a', 10), undefined)
  assert.equal(thinned.pass('b', 10), 'b')
  assert.equal(thinned.pass('a', 20), undefined)
  assert.equal(thinned.pass('a', 1100), 'a  (and 2 more)')
  assert.equal(thinned.pass('a', 2200), 'a')
})

test('Thinned.pass() forgets the oldest of very many lines', () => {
  const thinned = new Thinned(1000)
  for (let i = 0; i < 5000; i++) thinned.pass(`line ${i}`, 0)
  assert.equal(thinned.pass('line 0', 1), 'line 0')
  assert.equal(thinned.pass('line 4999', 1), undefined)
})
