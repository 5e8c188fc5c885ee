import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { Attributes, Span } from './span.ts'

/** @see opentelemetry/proto/trace/v1/trace.proto, Span.SpanKind and Status.StatusCode */
const kinds = { server: 2, client: 3 } as const
const statusError = 2
const parentKnown = 0x100
const parentRemote = 0x200

/**
 * The bytes of one span. Fields are written one after the other as trace.proto numbers them: to make message objects first
 * takes several times as long, and a proxy does this two or three times for a sampled request.
 */
export function encodeSpan(span: Span): Uint8Array {
  const writer = new BinaryWriter()
  const known = parentKnown | (span.isParentRemote ? parentRemote : 0)
  writer.tag(1, WireType.LengthDelimited).bytes(Buffer.from(span.traceId, 'hex'))
  writer.tag(2, WireType.LengthDelimited).bytes(Buffer.from(span.spanId, 'hex'))
  if (span.tracestate !== '') writer.tag(3, WireType.LengthDelimited).string(span.tracestate)
  if (span.parentId !== undefined)
    writer.tag(4, WireType.LengthDelimited).bytes(Buffer.from(span.parentId, 'hex'))
  writer.tag(5, WireType.LengthDelimited).string(span.name)
  writer.tag(6, WireType.Varint).int32(kinds[span.kind])
  writer.tag(7, WireType.Bit64).fixed64(nanoseconds(span.startMs))
  writer.tag(8, WireType.Bit64).fixed64(nanoseconds(Math.max(span.startMs, span.endMs)))
  writeAttributes(writer, 9, span.attributes)
  if (span.failed)
    writer.tag(15, WireType.LengthDelimited).fork().tag(3, WireType.Varint).int32(statusError).join()
  writer.tag(16, WireType.Bit32).fixed32((span.flags & 0xff) | known)
  return writer.finish()
}

/** An `ExportTraceServiceRequest` of spans that `encodeSpan` made. */
export function encodeExport(resource: Attributes, spans: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).fork()
  writeAttributes(writer, 1, resource)
  writer.join()
  writer.tag(2, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.LengthDelimited).string('tulle').join()
  for (const span of spans) writer.tag(2, WireType.LengthDelimited).bytes(span)
  return writer.join().join().finish()
}

function writeAttributes(writer: BinaryWriter, field: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key]
    if (value === undefined) continue
    writer.tag(field, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).string(key)
    writer.tag(2, WireType.LengthDelimited).fork()
    writeValue(writer, value)
    writer.join().join()
  }
}

/** One of AnyValue. */
function writeValue(writer: BinaryWriter, value: string | number | boolean): void {
  // What comes from a request may be no Unicode; UTF-8 is not to be had of it.
  if (typeof value === 'string') writer.tag(1, WireType.LengthDelimited).string(value.toWellFormed())
  else if (typeof value === 'boolean') writer.tag(2, WireType.Varint).bool(value)
  else if (Number.isSafeInteger(value)) writer.tag(3, WireType.Varint).int64(value)
  else writer.tag(4, WireType.Bit64).double(value)
}

/** Milliseconds as a number are exact to a quarter of a microsecond; as nanoseconds they would be no exact number at all. */
function nanoseconds(ms: number): bigint {
  const whole = Math.floor(ms)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6))
}
