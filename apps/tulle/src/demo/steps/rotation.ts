import type { CertificateView } from '@tulle/node'
import { adminClient } from '../../admin-client.ts'
import type { Report } from '../report.ts'
import type { Session } from '../session.ts'
import { call } from './calls.ts'

const pollMs = 250

/** A certificate is replaced while calls go on. */
export async function showRotation(session: Session, report: Report, lifetimeMs: number): Promise<void> {
  report.heading(`Certificates live ${lifetimeMs / 1000} s here, and are renewed at half`)
  const before = await certificateOf(session)
  const deadlineMs = session.clock.monotonicMs() + lifetimeMs
  let after = before
  let calls = 0
  let failed = 0
  while (after.serial === before.serial && session.clock.monotonicMs() < deadlineMs) {
    const outcome = await call(session, 'bookstore/reader', 'http://books/books')
    calls++
    if (!outcome.ok) failed++
    await session.clock.sleep(pollMs)
    after = await certificateOf(session)
  }
  report.line(`books had serial ${before.serial.slice(0, 16)}…`)
  report.line(
    `      now has ${after.serial.slice(0, 16)}…, until ${new Date(after.notAfterMs).toISOString().slice(11, 19)} UTC`,
  )
  report.check('it was renewed before it expired', after.serial !== before.serial)
  report.check(`${calls} calls meanwhile, none failed`, calls > 0 && failed === 0)
}

async function certificateOf(session: Session): Promise<CertificateView> {
  const list = await adminClient(session.state.node('node-2').adminSocket).get<readonly CertificateView[]>(
    '/v1/certificates',
  )
  const found = list.find((one) => one.identity.endsWith('/sa/books'))
  if (found === undefined) throw new Error('node-2 has no certificate for books')
  return found
}
