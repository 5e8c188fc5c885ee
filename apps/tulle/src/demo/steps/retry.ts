import type { Report } from '../report.ts'
import { exampleText } from '../session.ts'
import type { Session } from '../session.ts'
import { countCalls, whenAnswering } from './calls.ts'
import type { CallCounts } from './calls.ts'

const reader = 'bookstore/reader'
const url = 'http://stock/'
const calls = 90

/** A service that often fails, and callers who do not notice. */
export async function showRetry(session: Session, report: Report): Promise<void> {
  report.heading('A retry saves a failing backend')
  await session.edit('stock.yaml', () => exampleText('stock.yaml'))
  await whenAnswering(session, reader, { url })
  report.line('stock answers 503 every third time')
  const before = await countCalls(session, reader, { url, calls })
  report.line(`as it is              ${counted(before)}`)
  await session.edit('stock-retry.yaml', () => exampleText('stock-retry.yaml'))
  await session.whenCarried()
  const after = await countCalls(session, reader, { url, calls })
  report.line(`an HTTPRoute retries  ${counted(after)}`)
  report.check('a third failed before', before.failed === calls / 3)
  report.check('none fails now', after.failed === 0)
}

function counted({ calls: all, failed }: CallCounts): string {
  return `${all - failed} of ${all} answered, ${failed} failed`
}
