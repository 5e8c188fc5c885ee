import { renderTable } from '../../output/table.ts'
import type { Report } from '../report.ts'
import type { Session } from '../session.ts'

/** Who each workload is, as its certificate says. */
export async function showIdentities(session: Session, report: Report): Promise<void> {
  report.heading('Every workload has an identity')
  const workloads = await session.workloads()
  const rows = workloads.map((one) => [
    one.name,
    one.node,
    one.addresses.join(','),
    one.identity.replace('spiffe://', ''),
  ])
  for (const line of renderTable(['WORKLOAD', 'NODE', 'ADDRESS', 'IDENTITY spiffe://'], rows).split('\n'))
    report.line(line)
  report.check(
    'each has one of its own service account',
    workloads.every((one) => one.identity.endsWith(`/ns/${one.namespace}/sa/${one.serviceAccount}`)),
  )
}
