/** The workload that the steady clients call. */
import { createBackend } from '../../apps/tulle/src/bench/load/backend.ts'

process.on('SIGTERM', () => process.exit(0))
createBackend().listen(8080)
