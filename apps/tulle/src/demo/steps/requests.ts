import type { Explanation } from '@tulle/outputs'
import type { Report } from '../report.ts'
import { exampleText } from '../session.ts'
import type { Session } from '../session.ts'
import { call } from './calls.ts'
import { showExplanation, wrap } from './explanation.ts'

const url = 'http://stock/'

/** A request that policy refuses where it allows others, and why. */
export async function showRefusedRequest(session: Session, report: Report): Promise<void> {
  report.heading('reader may look at the stock, not delete it')
  await session.edit('stock-access.yaml', () => exampleText('stock-access.yaml'))
  await session.whenCarried()
  const looked = await call(session, 'bookstore/reader', { url })
  report.line(`reader GET ${url}: ${looked.status} ${looked.text}`)
  const deleted = await call(session, 'bookstore/reader', { url, method: 'DELETE' })
  report.line(`reader DELETE ${url}: ${deleted.status} ${deleted.text}`)
  const other = await call(session, 'bookstore/scraper', { url })
  report.line(`scraper GET ${url}: ${other.status} ${other.text}`)
  report.line('tulle up says:')
  const line = await session.heard(/ refused .*\/sa\/reader → DELETE /u)
  for (const text of wrap(line.slice(line.indexOf('refused')))) report.line(`  ${text}`)
  const why = await session.control.get<Explanation>(
    '/v1/explain?from=bookstore/reader&to=bookstore/stock&port=80&method=DELETE&path=/',
  )
  report.line('tulle explain bookstore/reader bookstore/stock:80 --method DELETE')
  showExplanation(why, report)
  report.check('GET is answered', looked.status === 200)
  report.check(
    'DELETE is refused with 403, and the explanation agrees',
    deleted.status === 403 && !why.allowed,
  )
  report.check('scraper is refused', other.status === 403)
}
