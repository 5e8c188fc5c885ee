import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBalancer } from '@tulle/balance'
import { must, systemClock, systemRng } from '@tulle/core'
import { defaultLimits } from '@tulle/l7'
import type { UpstreamSpec } from '@tulle/l7'
import { parsePort } from '@tulle/mesh'
import type { Workload } from '@tulle/mesh'
import { addressResource, addressType } from '@tulle/mesh-xds'
import { MeshClusters } from './mesh-clusters.ts'
import type { MeshEndpoint } from './mesh-endpoints.ts'
import { StreamLink } from './stream-link.ts'
import { service, stateOf, workload } from './test-mesh.ts'

const books = 'shop/books.shop.svc.cluster.local'
const services = new Map([[books, [{ servicePort: must(parsePort(80)), targetPort: must(parsePort(8080)) }]]])

for (const [appProtocol, version] of [
  ['http11', 'HTTP/1.1'],
  ['http2', 'HTTP/2'],
] as const)
  test(`case 36: over ${version}, an address that another workload has now is not reached as the one before`, () => {
    const known = service('books', '10.1.0.1', {
      ports: [{ servicePort: 80, targetPort: 8080, appProtocol }],
    })
    const state = stateOf(
      known,
      workload('b', '10.0.0.2', { services, serviceAccount: 'old', tunnel: 'none' }),
    )
    const dialled: { readonly workload: Workload; readonly link: StreamLink }[] = []
    const clusters = new MeshClusters(
      {
        state,
        clock: systemClock,
        limits: defaultLimits,
        workers: 1,
        dial: (spec) => {
          const link = new StreamLink()
          // Clusters of the mesh are made of nothing else.
          dialled.push({ workload: (spec as MeshEndpoint).workload, link })
          return { link, attach: (user) => link.attachUser(user) }
        },
        makeBalancer: (specs) => {
          const balancer = createBalancer<UpstreamSpec>({}, { clock: systemClock, rng: systemRng })
          balancer.replace(specs)
          return balancer
        },
      },
      'http1',
    )
    const connect = (): string => {
      const cluster = clusters.clusterOf(books, 80)
      const endpoint = cluster?.balancer.pick()
      if (cluster !== undefined && endpoint !== undefined) cluster.connect(endpoint)
      const last = dialled.at(-1)?.workload
      return `${dialled.length} ${last?.serviceAccount ?? ''} ${last?.tunnel ?? ''}`
    }
    const change = (more: Partial<Workload>): void => {
      const upserts = [
        addressResource({ kind: 'workload', workload: workload('b', '10.0.0.2', { services, ...more }) }),
      ]
      assert.deepEqual(state.apply({ typeUrl: addressType, upserts, removed: [] }), [])
      clusters.refresh()
    }
    assert.equal(connect(), '1 old none')
    change({ serviceAccount: 'old', tunnel: 'hbone' })
    assert.equal(connect(), '2 old hbone')
    change({ serviceAccount: 'new' })
    assert.equal(connect(), '3 new hbone')
    // What says nothing of the way leaves connections alone.
    change({ serviceAccount: 'new', capacity: 7 })
    const isShared = appProtocol === 'http2'
    assert.equal(connect(), isShared ? '3 new hbone' : '4 new hbone')
    assert.equal(dialled[2]?.link.closed, false)
    clusters.destroy()
  })
