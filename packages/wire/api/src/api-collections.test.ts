import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createGraph } from '@tulle/collections'
import { apiCollections, isOfCollection } from './api-collections.ts'
import type { ApiCollectionName, ApiKinds } from './api-collections.ts'
import { parseManifests } from './parse-manifests.ts'

const folder = join(import.meta.dirname, 'testdata')

test('apiCollections() has one place for every object that is read, and none for two kinds', () => {
  const names: ApiCollectionName[] = []
  const graph = createGraph()
  apiCollections((name) => {
    names.push(name)
    return graph.source<ApiKinds[typeof name]>(name)
  })
  const seen = new Set<ApiCollectionName>()
  for (const file of globSync('*.in.yaml', { cwd: folder })) {
    for (const object of parseManifests(readFileSync(join(folder, file), 'utf8'), file).objects) {
      const own = names.filter((name) => isOfCollection(name, object))
      assert.equal(own.length, 1, `${object.group}/${object.kind}`)
      for (const name of own) seen.add(name)
    }
  }
  assert.deepEqual([...seen].toSorted(), names.toSorted())
})

test('isOfCollection() tells the TCPRoutes of SMI from those of the Gateway API', () => {
  const { objects } = parseManifests(
    `
apiVersion: specs.smi-spec.io/v1alpha4
kind: TCPRoute
metadata: { name: db, namespace: shop }
spec: { matches: { ports: [5432] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: { name: db, namespace: shop }
spec: { rules: [{ backendRefs: [{ name: db, port: 5432 }] }] }`,
    'a.yaml',
  )
  assert.deepEqual(
    objects.map((object) => [
      isOfCollection('tcpRoutes', object),
      isOfCollection('gatewayTcpRoutes', object),
    ]),
    [
      [true, false],
      [false, true],
    ],
  )
})
