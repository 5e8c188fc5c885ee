import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '@tulle/core'
import { parsePort } from '@tulle/mesh'
import type { PortMapping } from '@tulle/mesh'
import { targetPorts } from './target-ports.ts'

const maps = (servicePort: number, targetPort: number): PortMapping => ({
  servicePort: must(parsePort(servicePort)),
  targetPort: must(parsePort(targetPort)),
})
const services = new Map([
  ['shop/books', [maps(80, 8080), maps(443, 8443)]],
  ['shop/books-old', [maps(80, 7070)]],
])

const cases = [
  { name: 'takes a port of the workload as it is', numbers: [8080], own: [8080], ports: [8080], read: [] },
  {
    name: 'reads a service port as what it leads to',
    numbers: [443],
    own: [8443],
    ports: [8443],
    read: [443],
  },
  {
    name: 'reads one that two services have as both',
    numbers: [80],
    own: [8080],
    ports: [7070, 8080],
    read: [80],
  },
  {
    name: 'lets an own port go before a service port',
    numbers: [80],
    own: [80, 8080],
    ports: [80],
    read: [],
  },
  { name: 'takes what nobody knows as it is', numbers: [9999], own: [8080], ports: [9999], read: [] },
  {
    name: 'sorts, and names each once',
    numbers: [8080, 443, 80, 8080],
    own: [8080],
    ports: [7070, 8080, 8443],
    read: [443, 80],
  },
]

for (const { name, numbers, own, ports, read } of cases) {
  test(`targetPorts() ${name}`, () => {
    const found = targetPorts(numbers, { services }, own)
    assert.deepEqual(found.ports, ports)
    assert.deepEqual(
      found.readings.map(({ servicePort }) => servicePort),
      read,
    )
  })
}
