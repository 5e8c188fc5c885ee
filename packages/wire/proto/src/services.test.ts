import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import {
  aggregatedDiscoveryService,
  certificateService,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  IstioCertificateRequestSchema,
} from './index.ts'

test('aggregatedDiscoveryService is the bidirectional delta method of Envoy', () => {
  const { path, requestStream, responseStream } = aggregatedDiscoveryService.deltaAggregatedResources
  assert.equal(path, '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources')
  assert.deepEqual([requestStream, responseStream], [true, true])
})

test('certificateService is the unary method of Istio', () => {
  const { path, requestStream, responseStream } = certificateService.createCertificate
  assert.equal(path, '/istio.v1.auth.IstioCertificateService/CreateCertificate')
  assert.deepEqual([requestStream, responseStream], [false, false])
})

test('aggregatedDiscoveryService carries both messages unchanged', () => {
  const method = aggregatedDiscoveryService.deltaAggregatedResources
  const request = create(DeltaDiscoveryRequestSchema, {
    node: { id: 'ztunnel~10.0.0.1~z.ns~ns.svc.cluster.local', metadata: { NODE_NAME: 'a' } },
    typeUrl: 'type.googleapis.com/istio.workload.Address',
    initialResourceVersions: { uid: 'v1' },
    errorDetail: { code: 3, message: 'uid: reason' },
  })
  assert.deepEqual(method.requestDeserialize(method.requestSerialize(request)), request)
  const response = create(DeltaDiscoveryResponseSchema, {
    resources: [
      {
        name: 'uid',
        version: 'v',
        aliases: ['/10.0.0.1'],
        resource: { typeUrl: 't', value: Uint8Array.of(1) },
      },
    ],
    removedResources: ['gone'],
    nonce: '7',
  })
  // Bytes fields come back as views of the received Buffer, which are no plain Uint8Array.
  const received = method.responseDeserialize(method.responseSerialize(response))
  assert.deepEqual([...(received.resources[0]?.resource?.value ?? [])], [1])
  assert.deepEqual(method.responseSerialize(received), method.responseSerialize(response))
})

test('certificateService writes validity as 64-bit seconds in field 3', () => {
  const bytes = certificateService.createCertificate.requestSerialize(
    create(IstioCertificateRequestSchema, { csr: 'x', validityDuration: 86_400n }),
  )
  assert.equal(bytes.toString('hex'), '0a017818' + '80a305')
})

test('services throw on bytes that are no message, as grpc-js expects of a deserializer', () => {
  assert.throws(() => certificateService.createCertificate.requestDeserialize(Buffer.of(0x0a, 0xff)))
})
