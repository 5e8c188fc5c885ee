import type { Report } from '../report.ts'
import { exampleText } from '../session.ts'
import type { Session } from '../session.ts'
import { isPlausible } from './binomial.ts'
import { callUntilAll, countCalls, whenAnswering } from './calls.ts'
import type { CallCounts } from './calls.ts'

const reader = 'bookstore/reader'
const url = 'http://books/books'
const file = 'canary.yaml'
/** In what the second version answers. */
const mark = '"version":"v2"'
const weights = [0, 25, 50, 100]
const callsEach = 200
const barWidth = 24

/** A second version, and a TrafficSplit that leads only those to it who ask for it. */
export async function showPreview(session: Session, report: Report): Promise<void> {
  report.heading('A TrafficSplit: books-v2 for who asks for it')
  await session.edit(file, () => exampleText(file))
  const waypoint = await session.whenCarried()
  await whenAnswering(session, reader, { url: 'http://books-v2/books' })
  report.line('canary.yaml brings books-v2, and a split for requests with x-preview: yes')
  report.line(`waypoint ${waypoint.key} started by itself at ${waypoint.address ?? ''}:`)
  for (const reason of waypoint.reasons) report.line(`  ${reason}`)
  const others = await countCalls(session, reader, { url, calls: 100, mark })
  const asking = await countCalls(session, reader, { url, calls: 100, mark, headers: { 'x-preview': 'yes' } })
  report.line(row('everybody', others))
  report.line(row('x-preview: yes', asking))
  report.check('all of the one, none of the other', others.marked === 0 && asking.marked === asking.calls)
  report.check('no call failed', others.failed + asking.failed === 0)
}

/** The same split by weight, from none to all. */
export async function showCanary(session: Session, report: Report): Promise<void> {
  report.heading('Canary: the weight of books-v2 goes from 0 to 100')
  const calling = callUntilAll(session, mark)
  const counted: CallCounts[] = []
  let plausible = true
  for (const weight of weights) {
    await session.edit(file, (text) => withWeight(text, weight))
    const counts = await countCalls(session, reader, { url, calls: callsEach, mark })
    report.line(row(`weight ${weight}`, counts))
    counted.push(counts)
    plausible &&= isPlausible(counts.marked, counts.calls, weight / 100)
  }
  report.check('each as its weights say, but for chance', plausible)
  const meanwhile = await calling
  const all = [...counted, meanwhile]
  const calls = all.reduce((sum, one) => sum + one.calls, 0)
  report.check(
    `${calls} calls, ${meanwhile.calls} of them while weights were edited, none failed`,
    all.every(({ failed }) => failed === 0),
  )
}

/** The split for all requests, with that weight for the second version. */
function withWeight(text: string, weight: number): string {
  return text
    .replace(/ {2}matches:\n {4}- kind: HTTPRouteGroup\n {6}name: preview\n/u, '')
    .replace(/(?<=service: books\n {6}weight: )\d+/u, String(100 - weight))
    .replace(/(?<=service: books-v2\n {6}weight: )\d+/u, String(weight))
}

/** `weight 25       ██████··················  53 of 200 from books-v2`. */
function row(label: string, { marked, calls }: CallCounts): string {
  const filled = Math.round((marked / calls) * barWidth)
  const bar = '█'.repeat(filled) + '·'.repeat(barWidth - filled)
  return `${label.padEnd(15)} ${bar} ${String(marked).padStart(3)} of ${calls} from books-v2`
}
