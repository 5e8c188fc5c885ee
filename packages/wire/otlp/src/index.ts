/** Spans as OTLP/HTTP carries them to a collector: bytes of its protobuf messages, and what it answers. */
export { decodeExportAnswer } from './export-answer.ts'
export type { ExportAnswer } from './export-answer.ts'
export { encodeExport, encodeSpan } from './encode-spans.ts'
export type { Attributes, Span, SpanKind } from './span.ts'
