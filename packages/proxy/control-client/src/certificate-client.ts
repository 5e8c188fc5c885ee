import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { create } from '@bufbuild/protobuf'
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import type { ChannelCredentials, ServiceError } from '@grpc/grpc-js'
import type { Clock } from '@tulle/core'
import { certificateService, IstioCertificateRequestSchema } from '@tulle/proto'
import type { IstioCertificateRequest } from '@tulle/proto'
import { certificatePem, parseCertificates } from '@tulle/x509'
import { CertificateError, clientDisposed } from './certificate-errors.ts'
import type { CaClient, CaRequest } from './certificate-types.ts'

export interface GrpcCaClientOptions {
  /** `host:port` of the control plane. */
  readonly address: string
  /** PEM file with the roots that the server's certificate must lead to; read again for each request. */
  readonly rootsFile: string
  /** File with the bearer token; read again for each request. */
  readonly tokenFile: string
  /** The name that the server's certificate must carry; `tulle-control` when absent. */
  readonly serverName?: string
  /** The `clusterid` header; `Kubernetes` when absent, as in Istio. */
  readonly clusterId?: string
}

export interface GrpcCaClientDeps {
  readonly clock: Clock
}

const maxAnswerBytes = 1_048_576
/** Requests come in bursts, half a day apart. */
const idleMs = 30_000

/** A client of istio.v1.auth.IstioCertificateService as ztunnel's: server TLS and a bearer token. */
export class GrpcCaClient implements CaClient {
  readonly #options: GrpcCaClientOptions
  readonly #clock: Clock
  #channel: { readonly roots: string; readonly client: Client } | undefined
  #calls: number = 0
  #idle: Disposable | undefined
  #isDisposed: boolean = false

  constructor(options: GrpcCaClientOptions, deps: GrpcCaClientDeps) {
    this.#options = options
    this.#clock = deps.clock
  }

  async request(request: CaRequest): Promise<readonly string[]> {
    const { rootsFile, tokenFile, clusterId = 'Kubernetes' } = this.#options
    const [roots, token] = await Promise.all([readText(rootsFile), readText(tokenFile)])
    request.signal.throwIfAborted()
    if (this.#isDisposed) throw clientDisposed()
    const metadata = new Metadata()
    metadata.set('authorization', `Bearer ${token.trim()}`)
    metadata.set('clusterid', clusterId)
    const client = this.#clientFor(roots)
    this.#calls++
    this.#idle?.[Symbol.dispose]()
    try {
      return await call(client, metadata, request)
    } catch (error) {
      // A fresh channel next time: this one would first sit out a pause of its own, on top of our caller's.
      if (error instanceof CertificateError && error.code === 'CA_UNREACHABLE') this.#close()
      throw error
    } finally {
      this.#calls--
      if (this.#calls === 0 && !this.#isDisposed) this.#idle = this.#clock.after(idleMs, () => this.#close())
    }
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#idle?.[Symbol.dispose]()
    this.#close()
  }

  #clientFor(roots: string): Client {
    if (this.#channel?.roots === roots) return this.#channel.client
    this.#close()
    const { address, serverName = 'tulle-control' } = this.#options
    const client = new Client(address, channelCredentials(roots, this.#options.rootsFile), {
      'grpc.ssl_target_name_override': serverName,
      'grpc.default_authority': serverName,
      'grpc.max_receive_message_length': maxAnswerBytes,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    })
    this.#channel = { roots, client }
    return client
  }

  #close(): void {
    this.#channel?.client.close()
    this.#channel = undefined
  }
}

/** OpenSSL would pass over a broken root in silence, and then blame the server. */
function channelCredentials(rootsPem: string, file: string): ChannelCredentials {
  const roots = parseCertificates(rootsPem)
  if (!roots.ok) throw new CertificateError('CERTIFICATE_FILE', `${file}: ${roots.error}`)
  const ca = roots.value.map(certificatePem)
  return credentials.createFromSecureContext(createSecureContext({ ca, minVersion: 'TLSv1.3' }))
}

function call(client: Client, metadata: Metadata, request: CaRequest): Promise<readonly string[]> {
  const { path, requestSerialize, responseDeserialize } = certificateService.createCertificate
  return new Promise((resolve, reject) => {
    const onAbort = (): void => running.cancel()
    const running = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      messageOf(request),
      metadata,
      (error, answer) => {
        request.signal.removeEventListener('abort', onAbort)
        if (answer !== undefined) resolve(answer.certChain)
        else reject(request.signal.aborted ? request.signal.reason : errorOf(error))
      },
    )
    request.signal.addEventListener('abort', onAbort, { once: true })
  })
}

function messageOf({ csr, identity, ttlMs }: CaRequest): IstioCertificateRequest {
  return create(IstioCertificateRequestSchema, {
    csr,
    validityDuration: BigInt(Math.ceil(ttlMs / 1000)),
    metadata: { ImpersonatedIdentity: identity },
  })
}

const refusals: ReadonlySet<status> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.INVALID_ARGUMENT,
  status.FAILED_PRECONDITION,
  status.RESOURCE_EXHAUSTED,
])

/** The one place where gRPC's failures become ours. */
function errorOf(error: ServiceError | null): CertificateError {
  if (error === null) return new CertificateError('CA_BAD_ANSWER', 'the CA answered nothing')
  const code = refusals.has(error.code) ? 'CA_REFUSED' : 'CA_UNREACHABLE'
  return new CertificateError(code, `the CA answered ${status[error.code]}: ${error.details}`)
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new CertificateError('CERTIFICATE_FILE', `${file} can't be read`, { cause: error })
  }
}
