import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create, toBinary } from '@bufbuild/protobuf'
import { ExportTraceServiceResponseSchema } from '@tulle/proto'
import { decodeExportAnswer } from './export-answer.ts'

function bytesOf(rejectedSpans: bigint, errorMessage: string): Uint8Array {
  const message = create(ExportTraceServiceResponseSchema, {
    partialSuccess: { rejectedSpans, errorMessage },
  })
  return toBinary(ExportTraceServiceResponseSchema, message)
}

test('decodeExportAnswer reads how many spans were not taken, and why', () => {
  assert.deepEqual(decodeExportAnswer(bytesOf(3n, 'too old')), {
    ok: true,
    value: { rejected: 3, message: 'too old' },
  })
  assert.deepEqual(decodeExportAnswer(new Uint8Array()), { ok: true, value: { rejected: 0, message: '' } })
})

test('decodeExportAnswer takes no number below zero, and no noise', () => {
  const negative = decodeExportAnswer(bytesOf(-5n, ''))
  assert.ok(negative.ok)
  assert.equal(negative.value.rejected, 0)
  assert.match(
    JSON.stringify(decodeExportAnswer(Buffer.from('<html>no</html>'))),
    /not an ExportTraceServiceResponse/u,
  )
})
