/** The messages of ZDS (package istio.workload.zds), between what enrols workloads on a node and its proxy. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { WorkloadRequestSchema, WorkloadResponseSchema, ZdsHelloSchema, ZdsVersion } from '@tulle/proto'
import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'

/** ztunnel and istio-cni read with buffers of this size; a longer message would be cut. */
export const zdsMessageBytes = 1024
const maxErrorBytes = 512

export interface ZdsIdentity {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly serviceAccount: string
}

export type ZdsRequest =
  | { readonly kind: 'add'; readonly workload: ZdsIdentity }
  | { readonly kind: 'keep'; readonly uid: string }
  | { readonly kind: 'delete'; readonly uid: string }
  | { readonly kind: 'snapshot-sent' }

export function encodeHello(): Uint8Array {
  return toBinary(ZdsHelloSchema, create(ZdsHelloSchema, { version: ZdsVersion.V1 }))
}

export function decodeHello(bytes: Uint8Array): Result<void> {
  const hello = parse(() => fromBinary(ZdsHelloSchema, bytes))
  if (!hello.ok) return hello
  const { version } = hello.value
  return version === ZdsVersion.V1 ? ok(undefined) : err(`expected ZDS version 1, found ${String(version)}`)
}

export function encodeRequest(request: ZdsRequest): Uint8Array {
  return toBinary(WorkloadRequestSchema, create(WorkloadRequestSchema, { payload: requestPayload(request) }))
}

export function decodeRequest(bytes: Uint8Array): Result<ZdsRequest> {
  const message = parse(() => fromBinary(WorkloadRequestSchema, bytes))
  if (!message.ok) return message
  const { payload } = message.value
  switch (payload.case) {
    case 'add': {
      const { uid, workloadInfo } = payload.value
      const { name = '', namespace = '', serviceAccount = '' } = workloadInfo ?? {}
      if (uid === '') return err('expected a uid in AddWorkload, found none')
      return ok({ kind: 'add', workload: { uid, name, namespace, serviceAccount } })
    }
    case 'keep':
      return ok({ kind: 'keep', uid: payload.value.uid })
    case 'del':
      return ok({ kind: 'delete', uid: payload.value.uid })
    case 'snapshotSent':
      return ok({ kind: 'snapshot-sent' })
    case undefined:
      return err('expected add, keep, del or snapshot_sent, found a request without any')
  }
}

/** `error` empty: done. */
export function encodeAck(error: string): Uint8Array {
  const text = Buffer.from(error).toString('utf8', 0, maxErrorBytes)
  const ack = create(WorkloadResponseSchema, { payload: { case: 'ack', value: { error: text } } })
  return toBinary(WorkloadResponseSchema, ack)
}

/** The error text of an ack, '' for success. */
export function decodeAck(bytes: Uint8Array): Result<string> {
  const message = parse(() => fromBinary(WorkloadResponseSchema, bytes))
  if (!message.ok) return message
  const { payload } = message.value
  return payload.case === 'ack' ? ok(payload.value.error) : err('expected an ack, found another response')
}

function requestPayload(
  request: ZdsRequest,
): MessageInitShape<typeof WorkloadRequestSchema>['payload'] & object {
  switch (request.kind) {
    case 'add': {
      const { uid, name, namespace, serviceAccount } = request.workload
      return { case: 'add', value: { uid, workloadInfo: { name, namespace, serviceAccount } } }
    }
    case 'keep':
      return { case: 'keep', value: { uid: request.uid } }
    case 'delete':
      return { case: 'del', value: { uid: request.uid } }
    case 'snapshot-sent':
      return { case: 'snapshotSent', value: {} }
  }
}

function parse<T>(read: () => T): Result<T> {
  try {
    return ok(read())
  } catch (error) {
    return err(`not a ZDS message: ${error instanceof Error ? error.message : String(error)}`)
  }
}
