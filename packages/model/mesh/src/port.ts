import { err, ok } from '@tulle/core'
import type { Branded, Result } from '@tulle/core'

/** A TCP or UDP port, 1–65535. */
export type Port = Branded<number, 'Port'>

export function parsePort(value: number): Result<Port> {
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    return err(`expected a port of 1–65535, found ${value}`)
  return ok(value as Port)
}

/** A port that clients address, and the one that the workload listens on. */
export interface PortMapping {
  readonly servicePort: Port
  readonly targetPort: Port
}
