/** The applications of the L7 bench in one process. Arguments: IP. */
import { createServer } from 'node:net'
import { createHttp1Backend } from './http1-backend.ts'
import { serveHttp2 } from './http2-backend.ts'
import { backendPorts } from './ports.ts'

const [host = '127.0.0.1'] = process.argv.slice(2)
const listen = { host, backlog: 4096 }
createHttp1Backend({ failsEvery: Infinity }).listen({ ...listen, port: backendPorts.http1 })
createServer({ noDelay: true }, serveHttp2).listen({ ...listen, port: backendPorts.http2 })
for (const port of backendPorts.failing) createHttp1Backend({ failsEvery: 10 }).listen({ ...listen, port })
