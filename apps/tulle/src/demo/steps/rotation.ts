import type { CertificateView } from '@tulle/node'
import { adminClient } from '../../admin-client.ts'
import type { Report } from '../report.ts'
import type { Session } from '../session.ts'
import { keepCalling } from './calls.ts'

const pollMs = 250
const callingShare = 0.65

/** A certificate is replaced while calls go on. */
export async function showRotation(session: Session, report: Report, lifetimeMs: number): Promise<void> {
  report.heading(`Certificates live ${lifetimeMs / 1000} s here, and are renewed at half`)
  const before = await certificateOf(session)
  // Until well after half of the life has passed, since it may have begun before we looked.
  const calling = keepCalling(session, lifetimeMs * callingShare)
  const deadlineMs = session.clock.monotonicMs() + lifetimeMs
  let after = before
  while (after.serial === before.serial && session.clock.monotonicMs() < deadlineMs) {
    await session.clock.sleep(pollMs)
    after = await certificateOf(session)
  }
  const { calls, failed } = await calling
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
