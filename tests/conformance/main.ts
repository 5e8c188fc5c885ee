/** `npm run conformance [-- FILTER…] [-o json] [--seed N] [--list]`: the suite against Tulle in a folder, as a report. */
import { parseArgs } from 'node:util'
import { cases, notMetByTulle, uncovered } from './cases/index.ts'
import { TulleDriver } from './drivers/tulle.ts'
import { isAsExpected, lineOf, reportOf, summaryOf } from './lib/report.ts'
import { runCases } from './lib/run-cases.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    output: { type: 'string', short: 'o', default: 'table' },
    seed: { type: 'string', default: '1' },
    list: { type: 'boolean', default: false },
  },
})

const chosen = cases.filter(({ id }) => positionals.every((text) => id.includes(text)))
if (chosen.length === 0 || !['table', 'json'].includes(values.output)) {
  console.error(
    `conformance: expected parts of the names of cases, and -o table or json, found ${process.argv.slice(2).join(' ')}`,
  )
  process.exit(2)
}
const asText = values.output === 'table'
if (values.list) {
  for (const { id, proves, spec } of chosen) console.log(`${id}: ${proves} [${spec}]`)
  process.exit(0)
}

await using driver = await TulleDriver.start()
const report = reportOf({
  mesh: driver.name,
  seed: Number(values.seed),
  cases: await runCases(chosen, {
    driver,
    seed: Number(values.seed),
    nowMs: () => performance.now(),
    notMet: notMetByTulle,
    onResult: (result) => asText && console.log(lineOf(result)),
  }),
  uncovered,
})
console.log(asText ? summaryOf(report) : JSON.stringify(report, undefined, 2))
process.exitCode = isAsExpected(report) ? 0 : 1
