import type { PemFiles } from '../support/certificates.ts'
import { farIp, nearIp } from '../support/two-namespaces.ts'

export interface HaproxyOptions {
  readonly client: PemFiles
  readonly server: PemFiles
  readonly port: number
  readonly tunnelPort: number
  readonly backendPort: number
  readonly maxConnections: number
}

/**
 * A TLS 1.3 connection for each TCP connection, both sides verified, one thread. Without resumption, as here: a
 * resumed session is not verified again.
 */
export function haproxyConfig(options: HaproxyOptions): {
  readonly outbound: string
  readonly inbound: string
} {
  const { client, server, port, tunnelPort, backendPort, maxConnections } = options
  const tls = `  ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets
  ssl-default-server-options ssl-min-ver TLSv1.3 no-tls-tickets
`
  const common = haproxyCommon(maxConnections, tls)
  return {
    outbound: `${common}listen outbound
  bind ${nearIp}:${port}
  server peer ${farIp}:${tunnelPort} ssl crt ${client.combined} ca-file ${client.roots} verify required no-ssl-reuse
`,
    inbound: `${common}listen inbound
  bind ${farIp}:${tunnelPort} ssl crt ${server.combined} ca-file ${server.roots} verify required
  server application ${farIp}:${backendPort}
`,
  }
}

/** One proxy without TLS: bytes from here to there. */
export function haproxyPlainConfig(options: {
  readonly port: number
  readonly backendPort: number
  readonly maxConnections: number
}): string {
  return `${haproxyCommon(options.maxConnections, '')}listen plain
  bind ${nearIp}:${options.port}
  server application ${farIp}:${options.backendPort}
`
}

function haproxyCommon(maxConnections: number, more: string): string {
  return `global
  nbthread 1
  maxconn ${maxConnections}
${more}defaults
  mode tcp
  option clitcpka
  timeout connect 5s
  timeout client 10m
  timeout server 10m
`
}
