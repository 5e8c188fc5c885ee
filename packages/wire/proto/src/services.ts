import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, DescMethod, MessageShape } from '@bufbuild/protobuf'
import type { MethodDefinition } from '@grpc/grpc-js'
import { AggregatedDiscoveryService } from './gen/envoy/service/discovery/v3/ads_pb.ts'
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from './gen/envoy/service/discovery/v3/discovery_pb.ts'
import { IstioCertificateService } from './gen/istio/v1/auth_pb.ts'
import type {
  IstioCertificateRequest,
  IstioCertificateRequestSchema,
  IstioCertificateResponse,
  IstioCertificateResponseSchema,
} from './gen/istio/v1/auth_pb.ts'

/** What `server.addService` and `makeClientConstructor` of grpc-js take; no loader reads .proto files at run time. */
export const aggregatedDiscoveryService: {
  readonly deltaAggregatedResources: MethodDefinition<DeltaDiscoveryRequest, DeltaDiscoveryResponse>
} = {
  deltaAggregatedResources: method<typeof DeltaDiscoveryRequestSchema, typeof DeltaDiscoveryResponseSchema>(
    AggregatedDiscoveryService.method.deltaAggregatedResources,
  ),
}

/** Istio's certificate service: a request with a CSR, a chain in return. */
export const certificateService: {
  readonly createCertificate: MethodDefinition<IstioCertificateRequest, IstioCertificateResponse>
} = {
  createCertificate: method<typeof IstioCertificateRequestSchema, typeof IstioCertificateResponseSchema>(
    IstioCertificateService.method.createCertificate,
  ),
}

function method<I extends DescMessage, O extends DescMessage>(
  description: DescMethod & { readonly input: I; readonly output: O },
): MethodDefinition<MessageShape<I>, MessageShape<O>> {
  const { input, output, methodKind } = description
  return {
    path: `/${description.parent.typeName}/${description.name}`,
    originalName: description.name,
    requestStream: methodKind === 'bidi_streaming' || methodKind === 'client_streaming',
    responseStream: methodKind === 'bidi_streaming' || methodKind === 'server_streaming',
    requestSerialize: (message) => asBuffer(toBinary(input, message)),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message) => asBuffer(toBinary(output, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  }
}

/** A view, not a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
