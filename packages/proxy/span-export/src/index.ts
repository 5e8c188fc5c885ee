/** Spans on their way to a collector, beside the data path and never in it. */
export type { CollectorAnswer, CollectorClient } from './collector-client.ts'
export { maxAnswerBytes, postHeaders } from './collector-client.ts'
export { HttpCollector } from './http-collector.ts'
export { SpanExporter } from './span-exporter.ts'
export type { SpanExporterDeps } from './span-exporter.ts'
export { SpanMetrics } from './span-metrics.ts'
