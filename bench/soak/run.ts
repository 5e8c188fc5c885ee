/** `node bench/soak/run.ts --minutes 10 --json`: the soak, as a table and a verdict. Exit code 1 when it did not hold. */
import { parseArgs } from 'node:util'
import { mebibytes } from './memory-samples.ts'
import type { SoakResult } from './soak.ts'
import { runSoak } from './soak.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    lifetime: { type: 'string', default: '1m' },
    json: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) {
  console.error(`soak: expected --minutes above 0, found ${values.minutes}`)
  process.exit(2)
}
const result = await runSoak({
  durationMs: minutes * 60_000,
  certificateLifetime: values.lifetime,
  onProgress: (line) => console.error(line),
})
if (values.json) console.log(JSON.stringify(result, undefined, 2))
else print(result)
process.exit(result.failures.length === 0 ? 0 : 1)

function print({ clients, memory, misjudged, failures, ...rest }: SoakResult): void {
  console.table(
    Object.fromEntries(
      clients.map(({ client, ...counts }) => [
        client,
        {
          policy: counts.policy,
          calls: counts.calls,
          judged: counts.judged,
          passed: counts.passed,
          refused: counts.refused,
          'failed though allowed': counts.failedThoughAllowed,
          'passed though refused': counts.passedThoughRefused,
        },
      ]),
    ),
  )
  console.table(
    Object.fromEntries(
      memory.map(({ role, startBytes, middleBytes, endBytes, mostBytes }) => [
        role,
        {
          start: mebibytes(startBytes),
          middle: mebibytes(middleBytes),
          end: mebibytes(endBytes),
          most: mebibytes(mostBytes),
        },
      ]),
    ),
  )
  const { changes, appliedMs, certificates, durationMs } = rest
  console.log(
    `${Math.round(durationMs / 1000)} s, ${changes} changes, applied after ${Math.round(appliedMs.median)} ms (worst ${Math.round(appliedMs.worst)} ms)`,
  )
  console.log(`${certificates.issued} certificates for ${certificates.identities} identities on their nodes`)
  for (const wrong of misjudged.slice(0, 20)) console.log(JSON.stringify(wrong))
  console.log(failures.length === 0 ? 'held' : `did not hold: ${failures.join('; ')}`)
}
