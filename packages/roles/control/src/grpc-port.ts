import { Metadata, status } from '@grpc/grpc-js'
import type { CaService, ServingCertificate } from '@tulle/ca'
import { errorText, MeshError, systemRng } from '@tulle/core'
import type { Clock } from '@tulle/core'
import { certificateService } from '@tulle/proto'
import { GrpcServer } from '@tulle/xds'
import type { GrpcCall, GrpcMethods } from '@tulle/xds'

export type GrpcPortErrorCode = 'CONTROL_LISTEN_FAILED'

export interface GrpcPortOptions {
  readonly host: string
  readonly port: number
  readonly certificate: ServingCertificate
  readonly methods: GrpcMethods
  readonly maxRequestBytes: number
}

export interface GrpcPort extends Disposable {
  /** The one that is listened on. */
  readonly port: number
  /** For connections from now on. */
  setCertificate(certificate: ServingCertificate): void
  /** Takes no new calls; those that run may finish until the deadline. */
  drain(deadlineMs: number): Promise<void>
}

/** Opens the port. Rejects with a MeshError (GrpcPortErrorCode) when it can't be had. */
export async function openGrpcPort(options: GrpcPortOptions, clock: Clock): Promise<GrpcPort> {
  const { host, certificate, methods, maxRequestBytes: maxMessageBytes } = options
  const server = new GrpcServer({ methods, certificate, maxMessageBytes }, { clock, rng: systemRng })
  const port = await server.listen(host, options.port).catch((cause: unknown) => {
    server[Symbol.dispose]()
    const message = `cannot listen on ${host}:${options.port}; is another control plane running?`
    throw new MeshError<GrpcPortErrorCode>('CONTROL_LISTEN_FAILED', message, { cause })
  })
  return {
    port,
    setCertificate: (next) => server.setCertificate(next),
    drain: (deadlineMs) => server.drain(deadlineMs),
    [Symbol.dispose]: () => server[Symbol.dispose](),
  }
}

/** The certificate authority as methods of the port. */
export function certificateMethods(service: CaService): GrpcMethods {
  return {
    [certificateService.createCertificate.path]: (call) => answerCertificate(call, service),
  }
}

function answerCertificate(call: GrpcCall, service: CaService): void {
  let asked = false
  call.listen({
    onMessage: (message) => {
      if (asked) return
      asked = true
      createCertificate(call, service, message)
    },
    onEnd: () => undefined,
  })
}

function createCertificate(call: GrpcCall, service: CaService, message: Uint8Array): void {
  const { requestDeserialize, responseSerialize } = certificateService.createCertificate
  const metadata = new Metadata()
  const authorization = call.header('authorization')
  if (authorization !== undefined) metadata.set('authorization', authorization)
  try {
    const request = requestDeserialize(Buffer.from(message))
    service.createCertificate({ metadata, request, getPeer: () => call.peer }, (refusal, response) => {
      if (refusal !== null) return call.end(refusal.code ?? status.UNKNOWN, refusal.details ?? '')
      if (response !== null && response !== undefined) call.send([responseSerialize(response)])
      return call.end(status.OK, '')
    })
  } catch (error) {
    call.end(status.INVALID_ARGUMENT, `expected an IstioCertificateRequest: ${errorText(error)}`)
  }
}
