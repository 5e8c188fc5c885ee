import { availableParallelism } from 'node:os'
import { measureSize } from './measure-size.ts'
import type { ControlMeasurement } from './measure-size.ts'
import { parseControlOptions } from './options.ts'
import { renderControlReport, saveControlReport } from './report.ts'

/** The control plane with its subscribers, size after size. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseControlOptions(argv)
  if (availableParallelism() < 2) throw new Error('expected two cores, one for each side')
  const measured: ControlMeasurement[] = []
  for (const size of options.sizes) measured.push(await measureSize(size, options))
  console.log(renderControlReport(measured, options))
  if (options.save) console.log(`\nsaved as ${saveControlReport(measured, options)}`)
}
