import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTracing, tracesUrl } from './tracing-settings.ts'

test('tracesUrl adds the path of the specification where there is none', () => {
  for (const endpoint of ['http://10.0.0.7:4318', 'http://10.0.0.7:4318/'])
    assert.deepEqual(tracesUrl(endpoint), { ok: true, value: 'http://10.0.0.7:4318/v1/traces' })
  assert.deepEqual(tracesUrl('https://otel.example/otlp/x'), {
    ok: true,
    value: 'https://otel.example/otlp/x',
  })
})

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['a name', 'collector', /expected the URL of an OTLP\/HTTP receiver/u],
  ['another scheme', 'grpc://10.0.0.7:4317', /expected the URL/u],
  ['a host and port alone', '10.0.0.7:4318', /expected the URL/u],
  ['a password', 'http://a:b@10.0.0.7:4318', /user name or password/u],
  ['a query', 'http://10.0.0.7:4318/?key=1', /without a query/u],
  ['port 0', 'http://10.0.0.7:0', /port 0/u],
  ['something endless', `http://${'a'.repeat(3000)}`, /expected the URL/u],
]

for (const [name, endpoint, why] of refused) {
  test(`tracesUrl refuses ${name}`, () => {
    const result = tracesUrl(endpoint)
    assert.ok(!result.ok)
    assert.match(result.error, why)
    assert.ok(result.error.length < 300)
  })
}

test('parseTracing takes fractions of a percent, and nothing beyond 0–100', () => {
  const endpoint = 'http://10.0.0.7:4318/v1/traces'
  assert.deepEqual(parseTracing(endpoint, 0.01), { ok: true, value: { endpoint, samplingPercent: 0.01 } })
  for (const percent of [-1, 100.5, Number.NaN]) assert.equal(parseTracing(endpoint, percent).ok, false)
})
