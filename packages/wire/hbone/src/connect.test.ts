import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import type { IpAddress } from '@tulle/mesh'
import { encodeBaggage } from './baggage.ts'
import type { BaggageFacts } from './baggage.ts'
import { encodeConnect, parseConnect } from './connect.ts'
import type { ConnectRequest } from './connect.ts'

const ip = (text: string): IpAddress => must(parseIpAddress(text))

const web: BaggageFacts = {
  kubeCluster: 'Kubernetes',
  namespace: 'shop',
  workloadType: 'deployment',
  workloadName: 'web',
  canonicalName: 'web',
  canonicalRevision: 'v1',
  locality: { region: 'r', zone: 'z', subzone: '' },
}

// research/ambient.md §1.2, the rows of the request table.
test('encodeConnect writes a plain CONNECT: no :scheme, no :path, fields in a fixed order', () => {
  const headers = encodeConnect({
    authority: { kind: 'address', address: ip('10.0.0.2'), port: 8080 },
    baggage: encodeBaggage(web),
    forwarded: { client: { address: ip('10.0.0.1'), port: 4242 }, host: 'api.shop.svc.cluster.local' },
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    network: 'remote',
  })
  assert.deepEqual(headers, [
    ':method',
    'CONNECT',
    ':authority',
    '10.0.0.2:8080',
    'baggage',
    'k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=web,service.name=web,service.version=v1,cloud.region=r,cloud.availability_zone=z',
    'forwarded',
    'for="10.0.0.1:4242";host=api.shop.svc.cluster.local',
    'traceparent',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
    'x-forwarded-network',
    'remote',
  ])
})

test('encodeConnect leaves out what there is nothing to say of', () => {
  const authority = { kind: 'hostname', hostname: 'api.shop', port: 80 } as const
  assert.deepEqual(encodeConnect({ authority, baggage: '', forwarded: {} }), [
    ':method',
    'CONNECT',
    ':authority',
    'api.shop:80',
  ])
})

for (const method of ['GET', 'POST', 'connect', 'CONNECT ', '']) {
  test(`case 22: parseConnect refuses the method ${JSON.stringify(method)}`, () => {
    const found = parseConnect([':method', method, ':authority', '10.0.0.1:80'])
    assert.equal(found.ok, false)
  })
}

test('parseConnect reads what encodeConnect wrote', () => {
  const request: ConnectRequest = must(
    parseConnect(
      encodeConnect({
        authority: { kind: 'address', address: ip('fd00::2'), port: 8080 },
        baggage: encodeBaggage(web),
        forwarded: { client: { address: ip('fd00::1'), port: 4242 }, host: 'api.shop' },
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        network: 'remote',
      }),
    ),
  )
  assert.deepEqual(request, {
    authority: { kind: 'address', address: 'fd00::2', port: 8080 },
    baggage: {
      kubeCluster: 'Kubernetes',
      namespace: 'shop',
      workloadType: 'deployment',
      workloadName: 'web',
      serviceName: 'web',
      serviceVersion: 'v1',
      region: 'r',
      zone: 'z',
    },
    forwarded: { client: { address: 'fd00::1', port: 4242 }, host: 'api.shop' },
    traceparent: {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentId: 'b7ad6b7169203331',
      flags: 1,
    },
    network: 'remote',
  })
})

test('parseConnect needs nothing but method and authority, and ignores fields that it does not know', () => {
  const request = must(
    parseConnect([':method', 'CONNECT', ':authority', '10.0.0.2:80', 'x-istio-source', 'waypoint']),
  )
  assert.deepEqual(request, {
    authority: { kind: 'address', address: '10.0.0.2', port: 80 },
    baggage: {},
    forwarded: undefined,
    traceparent: undefined,
    network: undefined,
  })
})

test('parseConnect takes a malformed baggage, forwarded or traceparent as absent', () => {
  const request = must(
    parseConnect([
      ':method',
      'CONNECT',
      ':authority',
      '10.0.0.2:80',
      'baggage',
      '==,,;',
      'forwarded',
      'for="',
      'traceparent',
      'x'.repeat(55),
      'x-forwarded-network',
      'n'.repeat(300),
    ]),
  )
  assert.deepEqual(request.baggage, {})
  assert.deepEqual(
    [request.forwarded, request.traceparent, request.network],
    [undefined, undefined, undefined],
  )
})

const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['nothing at all', [], /expected the method CONNECT/u],
  ['another method', [':method', 'GET', ':authority', 'a:80'], /expected the method CONNECT/u],
  ['a method in lower case', [':method', 'connect', ':authority', 'a:80'], /expected the method CONNECT/u],
  ['no authority', [':method', 'CONNECT'], /expected an :authority/u],
  ['two authorities', [':method', 'CONNECT', ':authority', 'a:80', ':authority', 'b:80'], /two authorities/u],
  ['two methods', [':method', 'CONNECT', ':method', 'GET', ':authority', 'a:80'], /two methods/u],
  ['a :path', [':method', 'CONNECT', ':authority', 'a:80', ':path', '/'], /found ":path" in a CONNECT/u],
  ['a :scheme', [':method', 'CONNECT', ':authority', 'a:80', ':scheme', 'https'], /found ":scheme"/u],
  [
    'extended CONNECT',
    [':method', 'CONNECT', ':protocol', 'websocket', ':authority', 'a:80'],
    /found ":protocol"/u,
  ],
  [
    'an authority without port',
    [':method', 'CONNECT', ':authority', '10.0.0.2'],
    /expected ip:port or hostname:port/u,
  ],
]

for (const [name, headers, expected] of refused) {
  test(`parseConnect answers 400 to ${name}`, () => {
    const result = parseConnect(headers)
    assert.ok(!result.ok)
    assert.equal(result.error.status, 400)
    assert.match(result.error.message, expected)
  })
}
