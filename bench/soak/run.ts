/** `npm run soak -- --minutes 60`: the soak, as tables and a verdict. Exit code 1 when it did not hold, or a figure was missed. */
import { parseArgs } from 'node:util'
import { buildPackage } from '../support/build-package.ts'
import { renderSoak, saveSoak } from './report.ts'
import { runSoak } from './soak.ts'

const usage = `npm run soak -- [options]
  --minutes N      how long (10)
  --every TIME     between two kills or upgrades of a node proxy: 300s, 5m, none (5m)
  --lifetime TIME  of certificates (1m)
  --rate N         requests a second, where they are not to be half of what is measured first
  --source         runs the sources of the checkout instead of the package that users install
  --json           prints the result as data
  --save           writes it to bench/results
Ctrl-C ends it early, with the tables of what was so far.`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    every: { type: 'string', default: '5m' },
    lifetime: { type: 'string', default: '1m' },
    rate: { type: 'string' },
    source: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const minutes = Number(values.minutes)
if (!(minutes > 0)) fail(`expected --minutes above 0, found ${values.minutes}`)

const interrupt = new AbortController()
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(130)
  console.error('interrupted; what was so far:')
  interrupt.abort()
})
const result = await runSoak({
  durationMs: minutes * 60_000,
  certificateLifetime: values.lifetime,
  disturbEveryMs: parseEvery(values.every),
  ...(values.source ? {} : { program: buildPackage('tulle-soak') }),
  ...(values.rate === undefined ? {} : { perSecond: Number(values.rate) }),
  onProgress: (line) => console.error(line),
  progressEveryMs: minutes < 5 ? 10_000 : 60_000,
  interrupt: interrupt.signal,
})
console.log(values.json ? JSON.stringify(result, undefined, 2) : renderSoak(result))
if (values.save) console.error(`saved as ${saveSoak(result)}`)
process.exit(result.failures.length + result.missed.length === 0 ? 0 : 1)

function parseEvery(text: string): number {
  if (text === 'none') return Infinity
  const found = /^(\d+)(s|m)$/u.exec(text)
  if (found === null) fail(`expected --every as 20s, 5m or none, found ${text}`)
  return Number(found[1]) * (found[2] === 'm' ? 60_000 : 1000)
}

function fail(problem: string): never {
  console.error(`soak: ${problem}\n${usage}`)
  process.exit(2)
}
