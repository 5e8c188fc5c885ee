import { Server } from '@grpc/grpc-js'
import type { ServerCredentials, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { MeshError } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { isIpv6, parseIpAddress } from '@tulle/mesh'

export type GrpcPortErrorCode = 'CONTROL_LISTEN_FAILED'

export interface GrpcPortOptions {
  readonly host: string
  readonly port: number
  readonly credentials: ServerCredentials
  readonly services: readonly (readonly [ServiceDefinition, UntypedServiceImplementation])[]
  readonly maxRequestBytes: number
}

export interface GrpcPort extends Disposable {
  /** The one that is listened on. */
  readonly port: number
  /** Takes no new calls; those that run may finish until the deadline. */
  drain(deadlineMs: number): Promise<void>
}

/** Opens the port. Rejects with a MeshError (GrpcPortErrorCode) when it can't be had. */
export async function openGrpcPort(options: GrpcPortOptions, clock: Clock): Promise<GrpcPort> {
  const { host, credentials, services, maxRequestBytes } = options
  const server = new Server({
    'grpc.max_receive_message_length': maxRequestBytes,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // A stream is opened anew from time to time, so that a token that has expired is noticed.
    'grpc.max_connection_age_ms': 1_800_000,
    'grpc.max_connection_age_grace_ms': 10_000,
    'grpc.max_concurrent_streams': 1000,
  })
  for (const [service, implementation] of services) server.addService(service, implementation)
  const address = parseIpAddress(host)
  const target = address.ok && isIpv6(address.value) ? `[${host}]` : host
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${target}:${options.port}`, credentials, (cause, bound) => {
      if (cause === null) resolve(bound)
      else {
        const message = `cannot listen on ${target}:${options.port}; is another control plane running?`
        reject(new MeshError<GrpcPortErrorCode>('CONTROL_LISTEN_FAILED', message, { cause }))
      }
    })
  })
  return {
    port,
    drain: (deadlineMs) =>
      new Promise((resolve) => {
        const force = clock.after(deadlineMs, () => server.forceShutdown())
        server.tryShutdown(() => {
          force[Symbol.dispose]()
          resolve()
        })
      }),
    [Symbol.dispose]: () => server.forceShutdown(),
  }
}
