export { LatencyHistogram } from '../../apps/tulle/src/bench/load/latency-histogram.ts'
