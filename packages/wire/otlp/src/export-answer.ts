import { fromBinary } from '@bufbuild/protobuf'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { ExportTraceServiceResponseSchema } from '@tulle/proto'

/** What a collector says of a batch that it answered with 200. */
export interface ExportAnswer {
  /** Spans that it did not take. */
  readonly rejected: number
  /** Why, or a warning. */
  readonly message: string
}

/** From the bytes of an `ExportTraceServiceResponse`; empty bytes are one, too. */
export function decodeExportAnswer(bytes: Uint8Array): Result<ExportAnswer> {
  try {
    const { partialSuccess } = fromBinary(ExportTraceServiceResponseSchema, bytes)
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0n)
    return ok({ rejected: Math.max(0, rejected), message: partialSuccess?.errorMessage ?? '' })
  } catch (error) {
    return err(`not an ExportTraceServiceResponse: ${errorText(error)}`)
  }
}
