/** Spans as the OpenTelemetry project's own classes read them: every field where they look for it, and none that they don't know. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeExport, encodeSpan } from '@tulle/otlp'
import type { Span } from '@tulle/otlp'
import { readExport } from './opentelemetry/read-export.ts'

const server: Span = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentId: '00f067aa0ba902b7',
  isParentRemote: true,
  flags: 1,
  tracestate: 'vendor=1',
  name: 'GET',
  kind: 'server',
  startMs: 1_800_000_000_123.25,
  endMs: 1_800_000_000_125.5,
  attributes: {
    'http.request.method': 'GET',
    'http.response.status_code': 503,
    'tulle.share': 0.5,
    'tulle.flag': true,
  },
  failed: true,
}

const client: Span = {
  ...server,
  spanId: '00000000000000aa',
  parentId: undefined,
  isParentRemote: false,
  tracestate: '',
  kind: 'client',
  attributes: {},
  failed: false,
}

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

test('what is exported is what OpenTelemetry reads', () => {
  const bytes = encodeExport({ 'service.name': 'shop/waypoint' }, [server, client].map(encodeSpan))
  const common = {
    traceId: base64(server.traceId),
    name: 'GET',
    startTimeUnixNano: '1800000000123250000',
    endTimeUnixNano: '1800000000125500000',
  }
  assert.deepEqual(readExport(bytes), {
    unknownFields: 0,
    request: {
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop/waypoint' } }] },
          scopeSpans: [
            {
              scope: { name: 'tulle' },
              spans: [
                {
                  ...common,
                  spanId: base64(server.spanId),
                  parentSpanId: base64('00f067aa0ba902b7'),
                  traceState: 'vendor=1',
                  kind: 'SPAN_KIND_SERVER',
                  flags: 0x301,
                  attributes: [
                    { key: 'http.request.method', value: { stringValue: 'GET' } },
                    { key: 'http.response.status_code', value: { intValue: '503' } },
                    { key: 'tulle.share', value: { doubleValue: 0.5 } },
                    { key: 'tulle.flag', value: { boolValue: true } },
                  ],
                  status: { code: 'STATUS_CODE_ERROR' },
                },
                { ...common, spanId: base64(client.spanId), kind: 'SPAN_KIND_CLIENT', flags: 0x101 },
              ],
            },
          ],
        },
      ],
    },
  })
})
