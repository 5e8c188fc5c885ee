import { fromBinary } from '@bufbuild/protobuf'
import { err, errorText } from '@tulle/core'
import type { Result } from '@tulle/core'
import { AddressSchema } from '@tulle/proto'
import type { AddressMessage } from '@tulle/proto'
import type { AddressEntry } from './address-names.ts'
import { decodeService } from './decode-service.ts'
import { decodeWorkload } from './decode-workload.ts'

/**
 * A workload or service from the bytes of an `istio.workload.Address`. Unknown fields are ignored, so that a newer
 * control plane can say more than we know; an enum value that we do not know is an error.
 */
export function decodeAddress(bytes: Uint8Array): Result<AddressEntry> {
  let message: AddressMessage
  try {
    message = fromBinary(AddressSchema, bytes, { readUnknownFields: false })
  } catch (error) {
    return err(`not an Address: ${errorText(error)}`)
  }
  switch (message.type.case) {
    case 'workload':
      return decodeWorkload(message.type.value)
    case 'service':
      return decodeService(message.type.value)
    case undefined:
      return err('neither a workload nor a service')
  }
}
