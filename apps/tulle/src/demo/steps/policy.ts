import type { Explanation } from '@tulle/outputs'
import { formatDuration } from '../../output/format.ts'
import type { Report } from '../report.ts'
import type { Session } from '../session.ts'
import { call } from './calls.ts'
import { showExplanation } from './explanation.ts'

const url = 'http://books/books'

/** A call that policy allows. */
export async function showAllowed(session: Session, report: Report): Promise<void> {
  report.heading('reader may read the books')
  const outcome = await call(session, 'bookstore/reader', { url })
  report.line(`reader GET ${url}`)
  report.line(outcome.text.slice(0, 70))
  report.check('answered', outcome.status === 200 && outcome.text.includes('Invisible Cities'))
}

/** A call that it refuses, and why. */
export async function showRefused(session: Session, report: Report): Promise<void> {
  report.heading('scraper may not')
  const outcome = await call(session, 'bookstore/scraper', { url })
  report.line(`scraper GET ${url}: ${outcome.text}`)
  const why = await session.control.get<Explanation>(
    '/v1/explain?from=bookstore/scraper&to=bookstore/books&port=80',
  )
  report.line('tulle explain bookstore/scraper bookstore/books:80')
  showExplanation(why, report)
  report.check('refused, and the explanation agrees', outcome.status === 0 && !why.allowed)
}

/** A policy edit takes effect, both ways. */
export async function showPolicyEdit(session: Session, report: Report): Promise<void> {
  report.heading('Edit access.yaml and save: it holds at once')
  const reader = '    - kind: ServiceAccount\n      name: reader\n      namespace: bookstore\n'
  const openMs = await session.edit('access.yaml', (text) =>
    text.replace(reader, reader + reader.replace('reader', 'scraper')),
  )
  const opened = await call(session, 'bookstore/scraper', { url })
  report.line(`scraper added to the sources: on both nodes ${formatDuration(openMs)} after the save`)
  report.check('scraper is answered', opened.status === 200)
  const closeMs = await session.edit('access.yaml', (text) =>
    text.replace(reader.replace('reader', 'scraper'), ''),
  )
  const closed = await call(session, 'bookstore/scraper', { url })
  report.line(`taken out again: on both nodes ${formatDuration(closeMs)} after the save`)
  report.check('scraper is refused', closed.status === 0)
  const untouched = await call(session, 'bookstore/reader', { url })
  report.check('reader never noticed', untouched.status === 200)
}
