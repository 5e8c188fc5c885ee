// How many books are left. Every third time it can't say.
import { createServer } from 'node:http'

let asked = 0

const server = createServer((request, response) => {
  const fails = ++asked % 3 === 0
  response.writeHead(fails ? 503 : 200, { 'content-type': 'application/json' })
  response.end(fails ? '' : JSON.stringify({ left: 7, asked }))
})
server.listen(Number(process.env.PORT), () => console.log(`stock on ${process.env.PORT}`))
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeIdleConnections())
