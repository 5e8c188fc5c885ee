/** All targets by name. */
import type { FuzzTarget } from '../target.ts'
import { certificates, requests } from './certificates.ts'
import { connectFields } from './connect-fields.ts'
import { adsRequests, grpcFrames } from './grpc.ts'
import { hpack, hpackPair } from './hpack.ts'
import { http1Client, http1Readings, http1Server } from './http1.ts'
import { http2Client, http2Server } from './http2.ts'
import { http2ToHttp1 } from './http2-to-http1.ts'
import { clientHellos } from './client-hello.ts'
import { manifests } from './manifests.ts'
import { addresses, authorizations, foreignParts } from './wds.ts'

export const targets: readonly FuzzTarget[] = [
  http2Server,
  http2Client,
  http2ToHttp1,
  http1Server,
  http1Client,
  http1Readings,
  hpack,
  hpackPair,
  connectFields,
  addresses,
  authorizations,
  foreignParts,
  certificates,
  requests,
  clientHellos,
  adsRequests,
  grpcFrames,
  manifests,
]
