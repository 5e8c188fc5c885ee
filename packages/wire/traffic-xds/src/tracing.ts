import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { err, errorText } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseTracing } from '@tulle/mesh'
import type { TracingSettings } from '@tulle/mesh'
import { contentVersion } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
import { TracingSchema } from '@tulle/proto'

/** Where waypoints send spans: `tulle.telemetry.v1.Tracing`, one at most. */
export const tracingType = 'type.googleapis.com/tulle.telemetry.v1.Tracing'
/** The name of that resource. */
export const tracingName = 'mesh'

export function tracingResource(settings: TracingSettings): MeshResource {
  const bytes = toBinary(TracingSchema, create(TracingSchema, settings))
  return { name: tracingName, version: contentVersion(bytes), aliases: [], bytes }
}

/** Checked as what users write is. */
export function decodeTracing({
  name,
  bytes,
}: Pick<MeshResource, 'name' | 'bytes'>): Result<TracingSettings> {
  if (name !== tracingName) return err(`expected the name ${tracingName}`)
  try {
    const { endpoint, samplingPercent } = fromBinary(TracingSchema, bytes)
    return parseTracing(endpoint, samplingPercent)
  } catch (error) {
    return err(`not a Tracing: ${errorText(error)}`)
  }
}
