import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { DeltaDiscoveryResponseSchema } from '@tulle/proto'
import type { DeltaDiscoveryResponse } from '@tulle/proto'
import { acknowledgement, TypeState } from './ads-state.ts'

const typeUrl = 'type.googleapis.com/istio.workload.Address'

/** `w1@2`: the resource w1 in version 2. */
function response(
  added: readonly string[],
  removedResources: readonly string[] = [],
): DeltaDiscoveryResponse {
  const resources = added.map((text) => {
    const [name = '', version = ''] = text.split('@')
    return { name, version, resource: { typeUrl, value: Buffer.from(text) } }
  })
  return create(DeltaDiscoveryResponseSchema, {
    typeUrl,
    nonce: '7',
    resources,
    removedResources: [...removedResources],
  })
}

function take(
  state: TypeState,
  message: DeltaDiscoveryResponse,
  refused: readonly string[] = [],
): readonly string[] {
  const { update, rejected } = state.read(message)
  state.applied(update, [...rejected, ...refused.map((name) => ({ name, reason: 'no' }))])
  return [
    ...update.upserts.map(({ name, version }) => `${name}@${version}`),
    ...update.removed.map((name) => `-${name}`),
  ]
}

test('TypeState hands on only what is news', () => {
  const state = new TypeState(typeUrl)
  assert.deepEqual(take(state, response(['w1@1', 'w2@1'])), ['w1@1', 'w2@1'])
  assert.deepEqual(take(state, response(['w1@1', 'w2@2'], ['w3'])), ['w2@2'])
  assert.deepEqual(take(state, response([], ['w1'])), ['-w1'])
})

test('TypeState brings along what was applied, and what was refused without a version', () => {
  const state = new TypeState(typeUrl)
  take(state, response(['w1@1', 'w2@1', 'w3@1']), ['w2'])
  take(state, response([], ['w3']))
  const request = state.firstRequest({
    name: 'n1',
    addresses: ['10.0.0.1'],
    metadata: { NAME: 'forged', X: 'y' },
  })
  assert.deepEqual(request.initialResourceVersions, { w1: '1', w2: '' })
  assert.deepEqual([request.resourceNamesSubscribe, request.resourceNamesUnsubscribe], [[], []])
  assert.equal(request.node?.id, 'ztunnel~10.0.0.1~n1.tulle-system~tulle-system.svc.cluster.local')
  assert.deepEqual(request.node?.metadata, {
    NAME: 'n1',
    NAMESPACE: 'tulle-system',
    INSTANCE_IPS: '10.0.0.1',
    NODE_NAME: 'n1',
    X: 'y',
  })
})

test('TypeState hands on the removal of what was refused: it closes workloads until it is gone', () => {
  const state = new TypeState(typeUrl)
  take(state, response(['w1@1', 'w2@1']), ['w2'])
  assert.deepEqual(take(state, response([], ['w2', 'w3'])), ['-w2'])
  assert.deepEqual(take(state, response([], ['w2'])), [])
})

test('TypeState on demand hands on every answer, also that there is nothing', () => {
  const state = new TypeState(typeUrl, { onDemand: true })
  state.demanded.add('/10.0.0.1')
  take(state, response(['w1@1']))
  assert.deepEqual(take(state, response(['w1@1'], ['/10.0.0.9'])), ['w1@1', '-/10.0.0.9'])
  const request = state.firstRequest({ name: 'n1' })
  assert.deepEqual(request.resourceNamesSubscribe, ['*', '/10.0.0.1'])
  assert.deepEqual(request.resourceNamesUnsubscribe, ['*'])
})

test('TypeState refuses resources of another type than the response', () => {
  const state = new TypeState(typeUrl)
  const message = create(DeltaDiscoveryResponseSchema, {
    typeUrl,
    resources: [
      { name: 'w1', version: '1', resource: { typeUrl: 'x', value: new Uint8Array() } },
      { name: 'w2' },
    ],
  })
  assert.deepEqual(
    state.read(message).rejected.map(({ name }) => name),
    ['w1', 'w2'],
  )
})

test('acknowledgement() lists refusals as ztunnel does', () => {
  const plain = acknowledgement(response([]), [])
  assert.deepEqual([plain.responseNonce, plain.errorDetail], ['7', undefined])
  const refusal = acknowledgement(response([]), [
    { name: 'w1', reason: 'bad port' },
    { name: 'w2', reason: 'no' },
  ])
  assert.equal(refusal.errorDetail?.message, 'w1: bad port; w2: no')
})
