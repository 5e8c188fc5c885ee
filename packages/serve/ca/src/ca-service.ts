import { create } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import type { Metadata, sendUnaryData } from '@grpc/grpc-js'
import { err, errorText, ok } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import { parseSpiffeId, spiffeId } from '@tulle/identity'
import type { SpiffeId } from '@tulle/identity'
import { IstioCertificateResponseSchema } from '@tulle/proto'
import type { IstioCertificateRequest, IstioCertificateResponse } from '@tulle/proto'
import type { Log } from '@tulle/runtime'
import { parseCsr } from '@tulle/x509'
import type { CertificateAuthority, IssuedCertificate } from './authority.ts'
import type { Refusal, RefusalKind } from './errors.ts'
import type { NodeCaller } from './node-tokens.ts'
import { RateLimit } from './rate-limit.ts'

export interface CaServiceOptions {
  readonly authority: CertificateAuthority
  /** Who holds this bearer token; the reason reaches the caller. */
  readonly authenticate: (token: string) => Promise<Result<NodeCaller>>
  /**
   * Whether a workload with this identity runs on the caller's node, or why not. Only what the control plane
   * itself knows may decide; what a request says of its node is not even read.
   */
  readonly authorizeNode: (caller: NodeCaller, identity: SpiffeId) => true | string
  /** A node was given a certificate. */
  readonly onIssued?: (caller: NodeCaller, identity: SpiffeId) => void
  /** Requests of one node: so many at once, and so many a second after that. */
  readonly burst?: number
  readonly perSecond?: number
}

export interface CaServiceDeps {
  readonly clock: Clock
  readonly log: Log
}

/** A request, and what is known of who makes it; a unary call of grpc-js is one. */
export interface CertificateCall {
  readonly request: IstioCertificateRequest
  readonly metadata: Pick<Metadata, 'get'>
  getPeer(): string
}

type Method = (call: CertificateCall, respond: sendUnaryData<IstioCertificateResponse>) => void

/** What `server.addService(certificateService, …)` of grpc-js takes too. */
export interface CaService {
  readonly createCertificate: Method
  [method: string]: Method
}

const maxCsrBytes = 8192
const maxIdentityBytes = 2048
const maxCallers = 10_000
/** A node that starts asks for all of its workloads at once. */
const defaultBurst = 500
const defaultPerSecond = 50
/** int64 seconds may be beyond what a number holds; so much is beyond every limit anyway. */
const maxValiditySeconds = 10n ** 9n

/** istio.v1.auth.IstioCertificateService: certificates for the workloads of the node that asks. */
export function caService(options: CaServiceOptions, deps: CaServiceDeps): CaService {
  const { burst = defaultBurst, perSecond = defaultPerSecond } = options
  const limit = new RateLimit({ burst, perSecond, maxCallers }, deps.clock)
  return {
    createCertificate: (call, respond) => {
      answer(options, limit, call)
        .then((issued) => {
          if (issued.ok) return respond(null, responseOf(issued.value.certificate))
          const { kind, message } = issued.error
          deps.log.warn('certificate refused', { kind, reason: message, peer: call.getPeer() })
          return respond({ code: grpcStatusOf(kind), details: message })
        })
        .catch((error: unknown) => {
          // Causes are for the log; a peer learns only that it is our fault.
          deps.log.error('certificate request failed', { error: errorText(error), peer: call.getPeer() })
          respond({ code: status.INTERNAL, details: 'the certificate authority failed' })
        })
    },
  }
}

interface Granted {
  readonly certificate: IssuedCertificate
}

async function answer(
  options: CaServiceOptions,
  limit: RateLimit,
  call: CertificateCall,
): Promise<Result<Granted, Refusal>> {
  const { authority, authenticate, authorizeNode } = options
  const token = bearerToken(call.metadata)
  if (!token.ok) return refuse('unauthenticated', token.error)
  const caller = await authenticate(token.value)
  if (!caller.ok) return refuse('unauthenticated', caller.error)
  if (!limit.take(caller.value.node)) return refuse('busy', 'too many certificate requests; try again later')

  const identity = impersonatedIdentity(call.request)
  if (!identity.ok) return refuse('invalid', identity.error)
  const allowed = authorizeNode(caller.value, identity.value)
  if (allowed !== true) return refuse('forbidden', allowed)

  const { csr, validityDuration } = call.request
  if (validityDuration < 0n) return refuse('invalid', 'expected a validity_duration of 0 or more seconds')
  const request =
    csr.length > maxCsrBytes ? err(`expected a csr of at most ${maxCsrBytes} bytes`) : parseCsr(csr)
  if (!request.ok) return refuse('invalid', request.error)
  const seconds = validityDuration > maxValiditySeconds ? maxValiditySeconds : validityDuration
  const issued = authority.signWorkload(request.value, identity.value, Number(seconds) * 1000)
  if (!issued.ok) return issued
  options.onIssued?.(caller.value, identity.value)
  return ok({ certificate: issued.value })
}

/** Exactly one header, so that two readers can't see two tokens. @see RFC 6750 §2.1 */
export function bearerToken(metadata: Pick<Metadata, 'get'>): Result<string> {
  const [header, ...others] = metadata.get('authorization')
  if (header === undefined) return err('expected a bearer token in "authorization", found none')
  if (others.length > 0 || typeof header !== 'string') return err('expected one "authorization" header')
  const token = /^bearer ([^\s,]+)$/iu.exec(header)?.[1]
  return token === undefined ? err('expected "authorization: Bearer TOKEN"') : ok(token)
}

/** A node proxy asks in the name of a workload; it has no identity of its own to ask for. */
function impersonatedIdentity(request: IstioCertificateRequest): Result<SpiffeId> {
  const asked = request.metadata?.['ImpersonatedIdentity']
  if (typeof asked !== 'string') return err('expected a SPIFFE id in the metadata ImpersonatedIdentity')
  if (asked.length > maxIdentityBytes) return err('expected a SPIFFE id, found something much longer')
  const identity = parseSpiffeId(asked)
  return identity.ok ? ok(spiffeId(identity.value)) : identity
}

/** Leaf, intermediates, and at last all roots in one element, as istiod answers. */
function responseOf(issued: IssuedCertificate): IstioCertificateResponse {
  return create(IstioCertificateResponseSchema, { certChain: [...issued.chainPem, issued.rootsPem] })
}

/** The one place where our refusals become gRPC's. */
export function grpcStatusOf(kind: RefusalKind): status {
  switch (kind) {
    case 'unauthenticated':
      return status.UNAUTHENTICATED
    case 'forbidden':
      return status.PERMISSION_DENIED
    case 'invalid':
      return status.INVALID_ARGUMENT
    case 'busy':
      return status.RESOURCE_EXHAUSTED
    case 'unavailable':
      return status.FAILED_PRECONDITION
  }
}

function refuse(kind: RefusalKind, message: string): Result<never, Refusal> {
  return err({ kind, message })
}
