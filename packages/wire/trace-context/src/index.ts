/** Which trace a request belongs to, as it travels in header fields: W3C Trace Context, Level 2. */
export { randomFlag, sampledFlag } from './flags.ts'
export { newSpanId, newTraceId } from './ids.ts'
export { isDrawn, thresholdOf } from './sampling.ts'
export { formatTraceparent, newTraceparent, parseTraceparent } from './traceparent.ts'
export type { Traceparent } from './traceparent.ts'
export { maxTracestateMembers, readTracestate } from './tracestate.ts'
