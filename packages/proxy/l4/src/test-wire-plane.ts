/** What both halves of the wire test share: a caller and a service `books`, one data plane each. */
import { systemClock } from '@tulle/core'
import type { Clock } from '@tulle/core'
import type { SpiffeId } from '@tulle/identity'
import { silentLog } from '@tulle/runtime'
import type { Log } from '@tulle/runtime'
import type { WorkloadCertificate } from '@tulle/tunnel'
import { createDataPlane } from './create-data-plane.ts'
import type { DataPlane, ListenerPlan } from './data-plane.ts'
import type { L4Limits } from './limits.ts'
import {
  addressUpdate,
  allowPolicy,
  identityOfAccount,
  policyUpdate,
  principals,
  testAddress,
  testCertificate,
  testRoot,
  testService,
  testWorkload,
} from './test-mesh.ts'

export const callerIp: string = testAddress(1)
export const booksIp: string = testAddress(2)
const root = testRoot()

/** Of an account in the namespace `shop`. */
export function certificateOf(account: string): WorkloadCertificate {
  return certificateWith(identityOfAccount(account))
}

export function certificateWith(identity: SpiffeId): WorkloadCertificate {
  return testCertificate({ root, identity })
}

/** A data plane that serves one of them. */
export async function planeOf(
  account: string,
  listeners: ListenerPlan,
  appPort: number,
  deps: { readonly clock?: Clock; readonly log?: Log; readonly limits?: Partial<L4Limits> } = {},
): Promise<DataPlane> {
  const { clock = systemClock, log = silentLog, limits = {} } = deps
  const plane = createDataPlane({ workers: 0, limits }, { log, clock, onIdentityNeeded: () => undefined })
  const enrolled = plane.addWorkload({
    uid: account,
    namespace: 'shop',
    name: account,
    serviceAccount: account,
    netns: undefined,
    listeners,
  })
  const service = testService('books', '240.240.0.4', {
    ports: [
      { servicePort: 80, targetPort: appPort, appProtocol: 'tcp' },
      { servicePort: 81, targetPort: 0, appProtocol: 'tcp' },
    ],
  })
  const other = testService('other', '240.240.0.5', {
    ports: [{ servicePort: 80, targetPort: appPort, appProtocol: 'tcp' }],
  })
  await plane.apply(policyUpdate([allowPolicy('books', principals('shopper'))]))
  await plane.apply(
    addressUpdate(
      [
        testWorkload('shopper', callerIp),
        testWorkload('books', booksIp, {
          policies: ['shop/books'],
          services: new Map([['shop/books.shop.svc.cluster.local', []]]),
        }),
      ],
      [service, other],
    ),
  )
  await plane.setCertificates([certificateOf(account)])
  await enrolled
  return plane
}
