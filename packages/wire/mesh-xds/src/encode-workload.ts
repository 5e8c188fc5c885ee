import { compareText } from '@tulle/core'
import { defaultTrustDomain } from '@tulle/identity'
import { ipToBytes } from '@tulle/mesh'
import type { GatewayAddress, PortMapping, Workload } from '@tulle/mesh'
import {
  applicationTunnelNames,
  healthNames,
  networkModeNames,
  tunnelNames,
  workloadTypeNames,
} from './enum-names.ts'
import { MessageWriter } from './message-writer.ts'

/** Of `istio.workload.Address`. */
const workloadField = 1

const writer: MessageWriter = new MessageWriter()

/**
 * The bytes of an `istio.workload.Address`: equal workloads give equal bytes. They are written without a message in
 * between, in the order of its fields: a mesh has more workloads than all else, and after a start all of them are
 * encoded.
 */
export function encodeWorkload(workload: Workload): Uint8Array {
  return writer.write(() => writer.message(workloadField, () => writeWorkload(workload)))
}

function writeWorkload(workload: Workload): void {
  const { trustDomain, waypoint, networkGateway, applicationTunnel, locality, capacity } = workload
  writer.text(1, workload.name)
  writer.text(2, workload.namespace)
  for (const address of workload.addresses) writer.bytes(3, ipToBytes(address))
  writer.text(4, workload.network)
  writer.number(5, tunnelNames.numberOf[workload.tunnel])
  // Istio's control plane leaves its default out too.
  if (trustDomain !== defaultTrustDomain) writer.text(6, trustDomain)
  writer.text(7, workload.serviceAccount)
  if (waypoint !== undefined) writer.message(8, () => writeGateway(waypoint))
  writer.text(9, workload.node)
  writer.text(10, workload.canonicalName)
  writer.text(11, workload.canonicalRevision)
  writer.number(12, workloadTypeNames.numberOf[workload.workloadType])
  writer.text(13, workload.workloadName)
  writer.bool(14, workload.nativeTunnel)
  for (const policy of workload.policies) writer.anyText(16, policy)
  writer.number(17, healthNames.numberOf[workload.health])
  writer.text(18, workload.kubeCluster)
  if (networkGateway !== undefined) writer.message(19, () => writeGateway(networkGateway))
  writer.text(20, workload.uid)
  writer.text(21, workload.hostname)
  writeServices(workload.services)
  if (applicationTunnel !== undefined) {
    writer.message(23, () => {
      writer.number(1, applicationTunnelNames.numberOf[applicationTunnel.protocol])
      writer.number(2, applicationTunnel.port)
    })
  }
  if (locality !== undefined) {
    writer.message(24, () => {
      writer.text(1, locality.region)
      writer.text(2, locality.zone)
      writer.text(3, locality.subzone)
    })
  }
  writer.number(25, networkModeNames.numberOf[workload.hostNetwork ? 'host' : 'standard'])
  // A wrapper: absent is 1, and 0 is not absent.
  if (capacity !== 1) writer.message(27, () => writer.number(1, capacity))
}

/** In key order, so that the bytes do not depend on the order in which a map was filled. */
function writeServices(services: ReadonlyMap<string, readonly PortMapping[]>): void {
  const sorted = services.size > 1 ? [...services].toSorted(([a], [b]) => compareText(a, b)) : services
  for (const [key, ports] of sorted) {
    writer.message(22, () => {
      writer.anyText(1, key)
      writer.message(2, () => {
        for (const port of ports) writer.message(1, () => writePort(port))
      })
    })
  }
}

function writePort({ servicePort, targetPort }: PortMapping): void {
  writer.number(1, servicePort)
  writer.number(2, targetPort)
}

function writeGateway({ destination, hboneMtlsPort }: GatewayAddress): void {
  if (destination.kind === 'hostname') {
    writer.message(1, () => {
      writer.text(1, destination.namespace)
      writer.text(2, destination.hostname)
    })
  } else {
    writer.message(2, () => {
      writer.text(1, destination.network)
      writer.bytes(2, ipToBytes(destination.address))
    })
  }
  writer.number(3, hboneMtlsPort)
}
