import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { closeFd, currentNetns, inboundTunnelPort, KernelError, listenTcp } from '@tulle/kernel'
import { listenerFile } from '@tulle/node'
import type { ListenerFile } from '@tulle/node'
import type { Launch, LaunchList } from '@tulle/status'
import type {
  Fabric,
  WaypointPlace,
  WaypointPlaceOptions,
  WorkloadPlace,
  WorkloadPlaceOptions,
} from './fabric.ts'
import { loopbackVariables } from './loopback-variables.ts'
import type { LoopbackPort, LoopbackService } from './loopback-variables.ts'

/** Certificates of such a mesh are for nothing else: whoever runs here may read its keys. */
export const loopbackTrustDomain = 'loopback.local'

/** Below the ports that systems give to outgoing connections. */
const firstServicePort = 20_000
const firstApplicationPort = 24_000
const lastApplicationPort = 31_999

/** All roles are in one network: their ports would be in each other's way. */
const noPorts = { 'metrics-port': '0', 'health-port': '0' }

/**
 * A mesh on addresses of loopback, for machines that give us no namespaces: each workload has an address of its own
 * where its node's proxy listens, for other proxies and for what the workload itself sends to services.
 */
export class LoopbackFabric implements Fabric {
  readonly address: string
  readonly controlFlags: Readonly<Record<string, string>>
  readonly nodeFlags: Readonly<Record<string, string>>
  readonly isolated: boolean = false
  readonly #listenersFolder: string
  readonly #servicePorts: Map<string, number> = new Map()
  readonly #applicationPorts: Set<number> = new Set()

  /** `stateFolder` tells the meshes of one machine apart; `listenersFolder` is made. */
  constructor(stateFolder: string, listenersFolder: string) {
    mkdirSync(listenersFolder, { recursive: true, mode: 0o700 })
    this.#listenersFolder = listenersFolder
    const prefix = `127.${secondOctet(stateFolder)}`
    this.address = `${prefix}.0.1`
    this.controlFlags = { 'trust-domain': loopbackTrustDomain, 'workload-range': `${prefix}.0.0/16` }
    this.nodeFlags = { listeners: listenersFolder, 'admin-port': '0', ...noPorts }
  }

  createNode(index: number): { readonly netns: undefined; readonly address: string } {
    const prefix = this.address.replace(/1$/u, '')
    return { netns: undefined, address: `${prefix}${10 + index}` }
  }

  createWorkload({ launch, list }: WorkloadPlaceOptions): WorkloadPlace {
    const ports = (list.ports[launch.uid] ?? []).map((port) => this.#applicationPort(port))
    const services = launch.enrolled ? this.#services(list) : []
    const file = listenerFile(this.#listenersFolder, launch)
    const listeners = listenerPlan(launch, list, { services, ports })
    const text: ListenerFile = { trustDomain: loopbackTrustDomain, listeners }
    writeFileSync(file, JSON.stringify(text), { mode: 0o600 })
    const netns = currentNetns()
    return {
      netns,
      env: loopbackVariables(launch, services, ports),
      enter: (run) => run(),
      // Nothing is captured, so there is nothing to drop: the first line of output says so.
      setStrict: () => undefined,
      announce: () => undefined,
      [Symbol.dispose]: () => {
        closeFd(netns)
        rmSync(file, { force: true })
        for (const { applicationPort } of ports) this.#applicationPorts.delete(applicationPort)
      },
    }
  }

  createWaypoint({ address }: WaypointPlaceOptions): WaypointPlace {
    return {
      netns: undefined,
      flags: { listen: address, ...noPorts },
      announce: () => undefined,
      [Symbol.dispose]: () => undefined,
    }
  }

  /** Mounting takes rights that we don't have: the folder is its owner's alone, and that is all. */
  keepInMemory(): void {}

  /** The same for every workload, at its own address, and for as long as the mesh runs. */
  #services({ services }: LaunchList): readonly LoopbackService[] {
    return services
      .filter(({ address }) => address !== '')
      .flatMap((service) => service.ports.map((port) => ({ service, port })))
      .map(({ service, port }) => {
        const key = `${service.namespace}/${service.name}:${port}`
        const listenPort = this.#servicePorts.get(key) ?? firstServicePort + this.#servicePorts.size
        if (listenPort >= firstApplicationPort)
          throw new RangeError(
            `expected at most ${firstApplicationPort - firstServicePort} ports of services`,
          )
        this.#servicePorts.set(key, listenPort)
        return { service, port, listenPort }
      })
  }

  #applicationPort(port: number): LoopbackPort {
    for (let candidate = firstApplicationPort; candidate <= lastApplicationPort; candidate++) {
      if (this.#applicationPorts.has(candidate) || !isFree(candidate)) continue
      this.#applicationPorts.add(candidate)
      return { port, applicationPort: candidate }
    }
    throw new RangeError(`expected a free port in ${firstApplicationPort}–${lastApplicationPort}, found none`)
  }
}

interface Where {
  readonly services: readonly LoopbackService[]
  readonly ports: readonly LoopbackPort[]
}

function listenerPlan(
  launch: Launch,
  list: LaunchList,
  { services, ports }: Where,
): ListenerFile['listeners'] {
  const virtual = new Map(list.services.map((one) => [`${one.namespace}/${one.name}`, one.address]))
  const { address: ip } = launch
  return {
    hbone: { ip, port: inboundTunnelPort },
    sourceIp: ip,
    fixedOutbound: services.map(({ service, port, listenPort }) => ({
      listen: { ip, port: listenPort },
      destination: { ip: virtual.get(`${service.namespace}/${service.name}`) ?? '', port },
    })),
    applications: ports.map(({ port, applicationPort }) => ({
      port,
      address: { ip: '127.0.0.1', port: applicationPort },
    })),
  }
}

/** 64–127, so that meshes with other state folders are rarely at the same addresses, and far from 127.0.0.1. */
function secondOctet(stateFolder: string): number {
  return 64 + (createHash('sha256').update(stateFolder).digest().readUInt8(0) % 64)
}

/** On every address, as an application may listen. */
function isFree(port: number): boolean {
  try {
    closeFd(listenTcp({ address: '0.0.0.0', port }))
    return true
  } catch (error) {
    if (error instanceof KernelError) return false
    throw error
  }
}
