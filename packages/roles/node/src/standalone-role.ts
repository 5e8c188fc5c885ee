import { PemCertificateSource } from '@tulle/control-client'
import { MeshError } from '@tulle/core'
import { nodeHandlesSelfTest } from '@tulle/kernel'
import { createDataPlane } from '@tulle/l4'
import type { DataPlane, EnrolledWorkload, ListenerPlan, SocketAddress } from '@tulle/l4'
import { addressResource, addressType, authorizationResource, authorizationType } from '@tulle/mesh-xds'
import { adminServer, MetricsRegistry, runComponents } from '@tulle/runtime'
import { openAccessLog } from './access-log.ts'
import { DataPath } from './data-path.ts'
import { healthRoutes, metricsRoutes } from './node-api.ts'
import { limitsOf } from './node-limits.ts'
import type { NodeRoleDeps } from './node-role.ts'
import type { StandaloneOptions } from './options.ts'
import { readStandaloneConfig } from './read-standalone-config.ts'
import { settleAfterStart } from './settle-after-start.ts'
import type { StandaloneConfig } from './standalone-config.ts'

export async function serveStandalone(options: StandaloneOptions, deps: NodeRoleDeps): Promise<void> {
  await nodeHandlesSelfTest()
  const config = await readStandaloneConfig(options.config)
  const workload = enrolledWorkload(options, config)
  const { clock, log } = deps
  const accessLogFd = openAccessLog(options.accessLog)
  const dataPlane = createDataPlane(
    { workers: options.workers, limits: limitsOf(options) },
    // There is one identity, and it comes from files.
    {
      log,
      clock,
      onIdentityNeeded: () => undefined,
      onFailed: deps.fail,
      ...(accessLogFd === undefined ? {} : { accessLogFd }),
    },
  )
  const certificates = new PemCertificateSource(
    { keyFile: options.key, chainFile: options.certificate, rootsFile: options.roots },
    { clock, log },
  )
  certificates.subscribe((list) => void dataPlane.setCertificates(list))
  const routes = [
    ...metricsRoutes({ dataPlane, metrics: new MetricsRegistry() }),
    ...healthRoutes({ pending: () => [] }),
  ]
  const metricsServer =
    options.metricsPort === 0
      ? []
      : [adminServer({ listen: { host: '0.0.0.0', port: options.metricsPort }, routes }, { clock, log })]
  await applyConfig(dataPlane, config)
  const serving = new DataPath(dataPlane, () => dataPlane.addWorkload(workload))
  await runComponents([certificates, serving, ...metricsServer], {
    log,
    stop: deps.stop,
    drainDeadlineMs: options.drainDeadline,
    onReady: () => {
      settleAfterStart(clock)
      log.info('node proxy runs', { workload: options.workload, workers: options.workers })
    },
  })
}

async function applyConfig(dataPlane: DataPlane, config: StandaloneConfig): Promise<void> {
  const entries = [
    ...config.workloads.map((workload) => ({ kind: 'workload', workload }) as const),
    ...config.services.map((service) => ({ kind: 'service', service }) as const),
  ]
  await dataPlane.apply({
    typeUrl: authorizationType,
    upserts: config.policies.map(authorizationResource),
    removed: [],
  })
  await dataPlane.apply({ typeUrl: addressType, upserts: entries.map(addressResource), removed: [] })
}

function enrolledWorkload(options: StandaloneOptions, config: StandaloneConfig): EnrolledWorkload {
  const found = config.workloads.find(
    (workload) => `${workload.namespace}/${workload.name}` === options.workload,
  )
  if (found === undefined) {
    const names = config.workloads.map((workload) => `${workload.namespace}/${workload.name}`).join(', ')
    throw new MeshError(
      'NODE_BAD_CONFIG',
      `expected a workload of ${options.config} (${names}), found ${options.workload}`,
    )
  }
  const { uid, namespace, name, serviceAccount, trustDomain } = found
  const listeners = listenerPlan(options)
  return {
    uid,
    namespace,
    name,
    serviceAccount,
    trustDomain,
    netns: undefined,
    ...(listeners === undefined ? {} : { listeners }),
  }
}

/** undefined = the usual ports, which redirection rules lead to. */
function listenerPlan(options: StandaloneOptions): ListenerPlan | undefined {
  if (options.forward.length === 0 && options.hbone === '') return undefined
  return {
    ...(options.hbone === '' ? {} : { hbone: socketAddress(options.hbone) }),
    fixedOutbound: options.forward.map((entry) => {
      const [listen = '', destination = ''] = entry.split('=')
      return { listen: socketAddress(listen), destination: socketAddress(destination) }
    }),
  }
}

function socketAddress(text: string): SocketAddress {
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new MeshError('NODE_BAD_CONFIG', `expected IP:PORT, found ${JSON.stringify(text)}`)
  }
  return { ip: text.slice(0, colon).replace(/^\[(.*)\]$/u, '$1'), port }
}
