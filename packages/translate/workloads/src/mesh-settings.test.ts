import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MeshObject } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import { must } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import type { TrustDomain } from '@tulle/identity'
import {
  deriveMeshConditions,
  deriveMeshSettings,
  meshConditions,
  runningKey,
  settingsOf,
} from './mesh-settings.ts'
import type { RunningTrustDomain } from './mesh-settings.ts'

const domain = (text: string): TrustDomain => must(parseTrustDomain(text))

function mesh(trustDomain: string, mtls: 'permissive' | 'strict'): MeshObject {
  return {
    group: 'tulle.dev',
    version: 'v1alpha1',
    kind: 'Mesh',
    metadata: { name: 'm', namespace: '', labels: {}, annotations: {} },
    spec: { trustDomain, mtls, access: 'audit' },
    origin: { file: 'm.yaml', line: 1, column: 1 },
    positions: new Map([['spec.trustDomain', { file: 'm.yaml', line: 4, column: 9 }]]),
  }
}

test('deriveMeshSettings() keeps the trust domain that runs, says so, and takes the rest of a change over', () => {
  const graph = createGraph()
  const api = { meshes: graph.source<MeshObject>('meshes') }
  const running = graph.source<RunningTrustDomain>('running')
  const settings = deriveMeshSettings(graph, { api, running })
  const conditions = deriveMeshConditions(graph, { api, running })
  const accepted = (): string => {
    const [found] = conditions.get('m') ?? []
    return `${found?.status} ${found?.reason} ${found?.position?.line ?? ''}`
  }
  graph.transaction(() => api.meshes.set('m', mesh('one.example', 'permissive')))
  assert.equal(settings.value.trustDomain, 'one.example')
  const one = { trustDomain: domain('one.example'), isFixed: false }
  graph.transaction(() => running.set(runningKey, one))
  assert.equal(accepted(), 'True Accepted ')
  graph.transaction(() => api.meshes.set('m', mesh('other.example', 'strict')))
  assert.deepEqual(settings.value, { trustDomain: 'one.example', mtls: 'strict', access: 'audit' })
  assert.equal(accepted(), 'False RestartNeeded 4')
  graph.transaction(() => api.meshes.delete('m'))
  assert.equal(settings.value.trustDomain, 'one.example', 'also without a Mesh object')
  graph.transaction(() => api.meshes.set('m', mesh('one.example', 'strict')))
  assert.equal(accepted(), 'True Accepted ')
})

test('a trust domain that the control plane was started with holds, whatever a Mesh object says, and that is said', () => {
  const running = { trustDomain: domain('one.example'), isFixed: true }
  const object = mesh('other.example', 'strict')
  const [accepted] = meshConditions(object, object, running)
  assert.equal(accepted?.status, 'True')
  assert.match(accepted.message, /started with the trust domain one\.example.*other\.example/u)
  assert.equal(accepted.position?.line, 4)
})

test('settingsOf() takes tracing over where the Mesh has it, and leaves it out where it has none', () => {
  const tracing = { endpoint: 'http://10.0.0.7:4318/v1/traces', samplingPercent: 5 }
  const plain = mesh('one.example', 'strict')
  assert.deepEqual(settingsOf({ ...plain, spec: { ...plain.spec, telemetry: { tracing } } }).tracing, tracing)
  assert.ok(!('tracing' in settingsOf(plain)))
})
