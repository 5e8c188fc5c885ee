import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { closed, list, portNumber } from '../shapes.ts'

const spec = closed({
  // One object here, while an HTTPRouteGroup has a list.
  matches: closed({ name: z.string().optional(), ports: list(portNumber).default([]) }).prefault({}),
})

/** TCPRoute and UDPRoute differ in their names only. */
function portRoute(kind: 'TCPRoute' | 'UDPRoute'): KindVersion {
  return kindVersion({
    group: 'specs.smi-spec.io',
    version: 'v1alpha4',
    kind,
    namespaced: true,
    spec,
    misplaced: {
      matches: 'it belongs under "spec"',
      'spec.ports': 'it belongs under "matches": matches: {ports: […]}',
      'spec.matches.port': 'write "ports", a list',
    },
    toHub: ({ matches }) => ({ ports: [...new Set(matches.ports)] }),
  })
}

export const tcpRouteV1alpha4: KindVersion = portRoute('TCPRoute')
export const udpRouteV1alpha4: KindVersion = portRoute('UDPRoute')
