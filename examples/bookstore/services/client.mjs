// Keeps calling one URL and says when the outcome changes.
import { Agent, request } from 'node:http'
import { where } from './where.mjs'

const url = where(process.env.URL)
const agent = new Agent({ keepAlive: false })
let last = ''

function call() {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent, timeout: 3000 }, (answer) => {
      let text = ''
      answer.on('data', (chunk) => (text += chunk))
      answer.on('end', () =>
        resolve(
          answer.statusCode === 200 ? `${JSON.parse(text).length} books` : `status ${answer.statusCode}`,
        ),
      )
      answer.on('error', () => resolve('cut off'))
    })
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('error', (error) => resolve(`no answer (${error.code ?? error.message})`))
    outgoing.end()
  })
}

async function loop() {
  const outcome = await call()
  if (outcome !== last) console.log(`${process.env.URL}: ${outcome}`)
  last = outcome
  setTimeout(loop, Number(process.env.EVERY_MS ?? 1000))
}
process.on('SIGTERM', () => process.exit(0))
loop()
