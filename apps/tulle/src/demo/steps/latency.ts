import { renderTable } from '../../output/table.ts'
import type { Report } from '../report.ts'
import type { Session } from '../session.ts'

const requests = 1000

/** Two workloads outside of the mesh, on the same two nodes: what the same call costs without it. */
const outsiders = `
apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata:
  name: plain-reviews
  namespace: bookstore
  labels: { tulle.dev/dataplane-mode: none }
spec:
  serviceAccount: default
  node: node-2
  ports: [{ port: 9080 }]
  run:
    command: [node, services/reviews.mjs]
    env: { PORT: '9080' }
---
apiVersion: tulle.dev/v1alpha1
kind: Workload
metadata:
  name: plain-client
  namespace: bookstore
  labels: { tulle.dev/dataplane-mode: none }
spec:
  serviceAccount: default
  node: node-1
  run:
    command: [node, -e, 'setInterval(() => {}, 1000)']
`

interface Latency {
  readonly p50: number
  readonly p90: number
}

/** The latency that the mesh adds: the same request on a kept connection, without it, with it, and through a waypoint. */
export async function showLatency(session: Session, report: Report): Promise<void> {
  report.heading('What it costs')
  await session.edit('outsiders.yaml', () => outsiders)
  await whenAnswered(session)
  const [plain] = (await session.workloads()).filter((one) => one.name === 'plain-reviews')
  const direct = await measure(session, 'bookstore/plain-client', `http://${plain?.addresses[0] ?? ''}:9080/`)
  // The same program answers both: the split leads all requests for books to books-v2, which itself is called directly.
  const meshed = await measure(session, 'bookstore/reader', 'http://books-v2/none')
  const read = await measure(session, 'bookstore/reader', 'http://books/none')
  const ms = (value: number): string => `${value.toFixed(2)} ms`
  const table = renderTable(
    [`${requests} requests, node to node`, 'MEDIAN', 'P90'],
    [
      ['without the mesh', ms(direct.p50), ms(direct.p90)],
      ['through it (mTLS, policy, log)', ms(meshed.p50), ms(meshed.p90)],
      ['  adds', ms(meshed.p50 - direct.p50), ms(meshed.p90 - direct.p90)],
      ['and its waypoint (requests read)', ms(read.p50), ms(read.p90)],
      ['  adds', ms(read.p50 - meshed.p50), ms(read.p90 - meshed.p90)],
    ],
  )
  for (const line of table.split('\n')) report.line(line)
  report.check(
    'every request was answered',
    [direct, meshed, read].every(({ p50 }) => p50 > 0),
  )
}

async function whenAnswered(session: Session): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const up = await session.up.get<{ workloads: readonly { workload: string; pid: number }[] }>('/v1/up')
    if (up.workloads.filter((one) => one.workload.startsWith('bookstore/plain-') && one.pid > 0).length === 2)
      return
    await session.clock.sleep(100)
  }
  throw new Error('the two workloads outside of the mesh did not start')
}

async function measure(session: Session, workload: string, url: string): Promise<Latency> {
  const script = `
    import { Agent, get } from 'node:http'
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const once = () => new Promise((resolve, reject) => {
      const startMs = performance.now()
      get(${JSON.stringify(url)}, { agent }, (answer) => answer.resume().on('end', () => resolve(performance.now() - startMs))).on('error', reject)
    })
    for (let tries = 0; ; tries++) {
      try { await once(); break } catch (error) { if (tries > 40) throw error; await new Promise((resolve) => setTimeout(resolve, 100)) }
    }
    for (let i = 0; i < 100; i++) await once()
    const times = []
    for (let i = 0; i < ${requests}; i++) times.push(await once())
    times.sort((a, b) => a - b)
    console.log(JSON.stringify({ p50: times[${requests} >> 1], p90: times[Math.floor(${requests} * 0.9)] }))
    process.exit(0)`
  const result = await session.run(workload, script)
  if (result.exitCode !== 0) throw new Error(`could not measure as ${workload}: ${result.stderr}`)
  return JSON.parse(result.stdout) as Latency
}
