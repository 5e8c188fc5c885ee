import type { ControlMeasurement } from './measure-size.ts'
import type { ControlBenchOptions } from './options.ts'

export function renderControlReport(
  measured: readonly ControlMeasurement[],
  _o: ControlBenchOptions,
): string {
  return JSON.stringify(measured, undefined, 1)
}
export function saveControlReport(_m: readonly ControlMeasurement[], _o: ControlBenchOptions): string {
  return ''
}
