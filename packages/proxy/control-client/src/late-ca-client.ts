import type { GrpcCaClient, GrpcCaClientDeps, GrpcCaClientOptions } from './certificate-client.ts'
import { clientDisposed } from './certificate-errors.ts'
import type { CaClient, CaRequest } from './certificate-types.ts'

/** A GrpcCaClient that loads gRPC with its first request: a proxy that has kept its certificates serves without it. */
export function grpcCaClient(options: GrpcCaClientOptions, deps: GrpcCaClientDeps): CaClient {
  return new LateCaClient(options, deps)
}

class LateCaClient implements CaClient {
  readonly #options: GrpcCaClientOptions
  readonly #deps: GrpcCaClientDeps
  #client: GrpcCaClient | undefined
  #isDisposed: boolean = false

  constructor(options: GrpcCaClientOptions, deps: GrpcCaClientDeps) {
    this.#options = options
    this.#deps = deps
  }

  async request(request: CaRequest): Promise<readonly string[]> {
    const loaded = await import('./certificate-client.ts')
    if (this.#isDisposed) throw clientDisposed()
    this.#client ??= new loaded.GrpcCaClient(this.#options, this.#deps)
    return this.#client.request(request)
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#client?.[Symbol.dispose]()
  }
}
