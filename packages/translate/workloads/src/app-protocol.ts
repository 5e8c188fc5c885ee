import type { ServicePortSpec } from '@tulle/api'
import type { AppProtocol } from '@tulle/mesh'

const known: Readonly<Record<string, AppProtocol>> = {
  http: 'http11',
  'kubernetes.io/ws': 'http11',
  http2: 'http2',
  'kubernetes.io/h2c': 'http2',
  grpc: 'grpc',
  'grpc-web': 'grpc',
  https: 'tls',
  tls: 'tls',
  'kubernetes.io/wss': 'tls',
  tcp: 'tcp',
}

/** What a service says that it speaks: by `appProtocol`, else by its port's name up to the first dash. */
export function appProtocolOf(port: ServicePortSpec): AppProtocol {
  const word = port.appProtocol ?? port.name?.split('-')[0] ?? ''
  return Object.hasOwn(known, word) ? (known[word] ?? 'unknown') : 'unknown'
}
