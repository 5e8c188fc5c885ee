/**
 * A node proxy with one worker that serves several workloads, as the command's standalone mode does for one. Its only
 * argument is a NodePlan as JSON; it prints `ready` when its listeners are open.
 */
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { must, systemClock } from '@tulle/core'
import { parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import { createDataPlane } from '@tulle/l4'
import type { DataPlaneDeps, ListenerPlan } from '@tulle/l4'
import { parseIpAddress } from '@tulle/mesh'
import type { Workload } from '@tulle/mesh'
import { addressResource, addressType, authorizationResource, authorizationType } from '@tulle/mesh-xds'
import { emptyMatch } from '@tulle/policy'
import { silentLog } from '@tulle/runtime'

export interface NodePlan {
  readonly folder: string
  /** Every workload of the mesh, and who may call it; everybody may call the noisy one. */
  readonly workloads: readonly { readonly name: string; readonly ip: string; readonly caller: string }[]
  readonly serves: readonly { readonly name: string; readonly listeners: ListenerPlan }[]
}

type WorkloadCertificate = Parameters<ReturnType<typeof createDataPlane>['setCertificates']>[0][number]

const hourMs = 3_600_000
const trustDomain = must(parseTrustDomain('cluster.local'))

// Of the bench's own, which is where this is started.
const plan = JSON.parse(process.argv[2] ?? '') as NodePlan
const plane = createDataPlane({ workers: 1 }, deps())
await plane.apply({
  typeUrl: authorizationType,
  upserts: plan.workloads.map(({ name, caller }) => authorizationResource(policyOf(name, caller))),
  removed: [],
})
await plane.apply({
  typeUrl: addressType,
  upserts: plan.workloads.map((one) =>
    addressResource({ kind: 'workload', workload: workloadOf(one.name, one.ip) }),
  ),
  removed: [],
})
await plane.setCertificates(plan.serves.map(({ name }) => certificateOf(name)))
for (const { name, listeners } of plan.serves) {
  const { uid, namespace, serviceAccount } = workloadOf(name, '127.0.0.1')
  await plane.addWorkload({ uid, namespace, name, serviceAccount, netns: undefined, listeners })
}
process.stdout.write('ready\n')
systemClock.every(hourMs, () => undefined)
process.stdin.resume()

function deps(): DataPlaneDeps {
  const file = join(plan.folder, `${plan.serves.map(({ name }) => name).join('-')}.access.log`)
  return {
    log: silentLog,
    clock: systemClock,
    accessLogFd: openSync(file, 'a'),
    onIdentityNeeded: () => undefined,
  }
}

function policyOf(name: string, caller: string): Parameters<typeof authorizationResource>[0] {
  const principals = [{ kind: 'exact', value: `cluster.local/ns/bench/sa/${caller}` }] as const
  return {
    name,
    namespace: 'bench',
    scope: 'workload',
    action: 'allow',
    dryRun: false,
    rules: [{ clauses: [{ matches: [{ ...emptyMatch, principals }] }] }],
  }
}

function workloadOf(name: string, ip: string): Workload {
  return {
    uid: `bench//Workload/bench/${name}`,
    name,
    namespace: 'bench',
    serviceAccount: name,
    trustDomain,
    addresses: [must(parseIpAddress(ip))],
    network: '',
    tunnel: 'hbone',
    node: 'bench',
    services: new Map(),
    // Plaintext has no identity that a policy could name.
    policies: name === 'noisy' ? [] : [`bench/${name}`],
    health: 'healthy',
    capacity: 1,
    kubeCluster: 'Kubernetes',
    canonicalName: name,
    canonicalRevision: 'v1',
    workloadName: name,
    workloadType: 'pod',
    hostname: '',
    nativeTunnel: false,
    hostNetwork: false,
  }
}

function certificateOf(name: string): WorkloadCertificate {
  const read = (end: string): string => readFileSync(join(plan.folder, end), 'utf8')
  const nowMs = systemClock.nowMs()
  return {
    identity: spiffeId(must(parseSpiffeId(`spiffe://cluster.local/ns/bench/sa/${name}`))),
    chainPem: read(`${name}.crt`),
    keyPem: read(`${name}.key`),
    bundle: { roots: new Map([[trustDomain, [read('roots.pem')]]]) },
    notBeforeMs: nowMs - hourMs,
    notAfterMs: nowMs + hourMs,
    serial: name,
  }
}
