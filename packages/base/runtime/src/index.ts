/** What every process of the mesh has: parts with a life, options, a log, metrics. It knows no mesh word. */
export { adminClient, withQuery } from './admin-client.ts'
export type { AdminClient, AdminClientErrorCode, AdminParams } from './admin-client.ts'
export { adminServer, badRequest, json } from './admin-server.ts'
export type {
  AdminErrorCode,
  AdminReply,
  AdminRequest,
  AdminRoute,
  AdminServer,
  AdminServerDeps,
  AdminServerOptions,
} from './admin-server.ts'
export { snapshots } from './admin-watch.ts'
export { aborted, runComponents, stopOnSignals } from './component.ts'
export type { Component, RunOptions, StopSignals } from './component.ts'
export { LatencyHistogram } from './latency-histogram.ts'
export type { LatencyCounts } from './latency-histogram.ts'
export { createLog, logLevels, silentLog } from './log.ts'
export type { Log, LogFields, LogLevel, LogOptions } from './log.ts'
export { accessLogWriter } from './access-log-writer.ts'
export type { AccessLogWriterOptions } from './access-log-writer.ts'
export { listenerProblems } from './listener-problems.ts'
export type { ListenerProblems } from './listener-problems.ts'
export { LogWriter } from './log-writer.ts'
export type { LogWriterOptions } from './log-writer.ts'
export { MergedMetrics, mergeMetrics } from './merged-metrics.ts'
export { MetricsRegistry } from './metrics-registry.ts'
export type { Child, Family, FamilyOptions } from './metrics-registry.ts'
export type {
  FamilyShape,
  FamilySnapshot,
  MetricsSlice,
  MetricsSnapshot,
  MetricType,
  SeriesSnapshot,
} from './metrics-snapshot.ts'
export { nearest } from './nearest.ts'
export { nextTurn } from './next-turn.ts'
export { metricsReply } from './metrics-reply.ts'
export { expositionText } from './open-metrics.ts'
export type { ExpositionFormat } from './open-metrics.ts'
export { defineOptions, envNameOf, flagOf, option, parseOptions, renderHelp } from './options.ts'
export type { Option, OptionInput, OptionSettings, OptionTable, OptionValues } from './options.ts'
export { byteSize, durationMs, flag, integer, list, oneOf, path, port, text } from './parsers.ts'
export type { OptionParser } from './parsers.ts'
export { Secret } from './secret.ts'
export { exitProcess } from './threads/exit-process.ts'
export { beginThread } from './threads/begin-thread.ts'
export type { ThreadStart } from './threads/begin-thread.ts'
export { CommandThread } from './threads/command-thread.ts'
export type { CommandThreadDeps, CommandThreadOptions, ThreadErrors } from './threads/command-thread.ts'
export type { ThreadCommands } from './threads/command-types.ts'
export { shareBytes } from './threads/share-bytes.ts'
export { ThreadHost } from './threads/thread-host.ts'
