import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appProtocolOf } from './app-protocol.ts'
import { endpointPorts } from './endpoint-ports.ts'

const workload = { ports: [{ name: 'web', port: 8080 }, { port: 9090 }] }

test('endpointPorts() follows numbers and names, and leaves out a name that the workload lacks', () => {
  const ports = [
    { protocol: 'TCP', port: 80, targetPort: 'web' },
    { protocol: 'TCP', port: 81, targetPort: 7070 },
    { protocol: 'TCP', port: 82 },
    { protocol: 'TCP', port: 83, targetPort: 'admin' },
  ] as const
  assert.deepEqual(endpointPorts(ports, workload), [
    { servicePort: 80, targetPort: 8080 },
    { servicePort: 81, targetPort: 7070 },
    { servicePort: 82, targetPort: 82 },
  ])
})

test('endpointPorts() leaves out numbers that are no ports', () => {
  assert.deepEqual(endpointPorts([{ protocol: 'TCP', port: 80, targetPort: 70_000 }], workload), [])
})

test('appProtocolOf() goes by appProtocol, then by the name up to its dash', () => {
  const port = { protocol: 'TCP', port: 80 } as const
  assert.equal(appProtocolOf({ ...port, appProtocol: 'kubernetes.io/h2c', name: 'http' }), 'http2')
  assert.equal(appProtocolOf({ ...port, name: 'grpc-api' }), 'grpc')
  assert.equal(appProtocolOf({ ...port, name: 'constructor' }), 'unknown')
  assert.equal(appProtocolOf(port), 'unknown')
})
