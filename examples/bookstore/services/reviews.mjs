// How the books are liked.
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify([5, 4, 5]))
})
server.listen(Number(process.env.PORT), () => console.log(`reviews on ${process.env.PORT}`))
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeIdleConnections())
