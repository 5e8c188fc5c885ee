import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { ExportTraceServiceRequestSchema, SpanKind } from '@tulle/proto'
import type { SpanMessage } from '@tulle/proto'
import { encodeExport, encodeSpan } from './encode-spans.ts'
import type { Span } from './span.ts'

const server: Span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: '00f067aa0ba902b7',
  isParentRemote: true,
  flags: 3,
  tracestate: 'a=1',
  name: 'GET',
  kind: 'server',
  startMs: 1_800_000_000_123.25,
  endMs: 1_800_000_000_125.5,
  attributes: {
    'http.request.method': 'GET',
    'http.response.status_code': 503,
    'tulle.share': 0.5,
    'tulle.flag': true,
    'tulle.none': undefined,
  },
  failed: true,
}

/** Read by the schema that is generated from the .proto files. */
function read(spans: readonly Span[]): readonly SpanMessage[] {
  const bytes = encodeExport({ 'service.name': 'w' }, spans.map(encodeSpan))
  const { resourceSpans } = fromBinary(ExportTraceServiceRequestSchema, bytes)
  assert.equal(resourceSpans.length, 1)
  assert.deepEqual(
    resourceSpans[0]?.resource?.attributes.map(({ key, value }) => [key, value?.value.value]),
    [['service.name', 'w']],
  )
  assert.equal(resourceSpans[0].scopeSpans[0]?.scope?.name, 'tulle')
  return resourceSpans[0].scopeSpans[0].spans
}

test('encodeSpan writes what the schema reads', () => {
  const [span] = read([server])
  assert.ok(span)
  assert.equal(Buffer.from(span.traceId).toString('hex'), server.traceId)
  assert.equal(Buffer.from(span.spanId).toString('hex'), server.spanId)
  assert.equal(Buffer.from(span.parentSpanId).toString('hex'), server.parentId)
  assert.equal(span.traceState, 'a=1')
  assert.equal(span.name, 'GET')
  assert.equal(span.kind, SpanKind.SERVER)
  assert.equal(span.startTimeUnixNano, 1_800_000_000_123_250_000n)
  assert.equal(span.endTimeUnixNano, 1_800_000_000_125_500_000n)
  assert.equal(span.flags, 0x303)
  assert.equal(span.status?.code, 2)
  assert.deepEqual(
    span.attributes.map(({ key, value }) => [key, value?.value.case, value?.value.value]),
    [
      ['http.request.method', 'stringValue', 'GET'],
      ['http.response.status_code', 'intValue', 503n],
      ['tulle.share', 'doubleValue', 0.5],
      ['tulle.flag', 'boolValue', true],
    ],
  )
})

test('encodeSpan of a root has no parent, and never ends before it began', () => {
  const root: Span = {
    ...server,
    parentId: undefined,
    isParentRemote: false,
    tracestate: '',
    kind: 'client',
    failed: false,
    endMs: server.startMs - 1,
  }
  const [span] = read([root])
  assert.ok(span)
  assert.equal(span.parentSpanId.length, 0)
  assert.equal(span.kind, SpanKind.CLIENT)
  assert.equal(span.status, undefined)
  assert.equal(span.flags, 0x103)
  assert.equal(span.endTimeUnixNano, span.startTimeUnixNano)
})

test('encodeSpan takes text that is no Unicode', () => {
  const [span] = read([{ ...server, attributes: { 'url.path': '/\ud800' } }])
  assert.equal(span?.attributes[0]?.value?.value.value, '/\ufffd')
})

test('encodeExport keeps the order of many spans', () => {
  const names = Array.from({ length: 500 }, (_, i) => `n${i}`)
  assert.deepEqual(
    read(names.map((name) => ({ ...server, name }))).map(({ name }) => name),
    names,
  )
})
