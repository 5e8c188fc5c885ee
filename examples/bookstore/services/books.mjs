// The catalogue. It knows nothing of the mesh: plain HTTP in, plain HTTP out.
import { createServer } from 'node:http'
import { where } from './where.mjs'

const titles = ['The Left Hand of Darkness', 'Invisible Cities', 'The Periodic Table']

const server = createServer(async (request, response) => {
  if (request.url !== '/books') {
    response.writeHead(404).end()
    return
  }
  const ratings = await fetch(new URL('/ratings', where(process.env.REVIEWS)), {
    signal: AbortSignal.timeout(2000),
  })
    .then((answer) => answer.json())
    .catch(() => [])
  response.setHeader('content-type', 'application/json')
  const { VERSION: version } = process.env
  response.end(
    JSON.stringify(titles.map((title, i) => ({ title, rating: ratings[i] ?? 'unknown', version }))),
  )
})
server.listen(Number(process.env.PORT), () => console.log(`books on ${process.env.PORT}`))
process.on('SIGTERM', () => server.close(() => process.exit(0)).closeIdleConnections())
