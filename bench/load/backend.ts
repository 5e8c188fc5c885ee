/** The application of the benches as a process of its own. Arguments: IP PORT. */
import { createBackend } from '../../apps/tulle/src/bench/load/backend.ts'

const [host = '127.0.0.1', port = '9000'] = process.argv.slice(2)
createBackend().listen({ host, port: Number(port), backlog: 4096 })
