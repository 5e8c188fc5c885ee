import { pairedRatio } from '../support/statistics.ts'
import type { Series } from '../support/rounds.ts'
import { numberText, ratioSpread } from '../support/text.ts'
import type { L4Report } from './report.ts'

/** A line of the table of design §13 that this bench can speak to. */
export interface Requirement {
  readonly what: string
  readonly required: string
  readonly aim: string
  readonly reached: string
  /** undefined where it could not be measured here. */
  readonly met: boolean | undefined
}

interface RatioRequirement {
  readonly what: string
  readonly work: string
  readonly atLeast: number
  readonly aim: string
}

/** ztunnel is not there to be measured beside us, so its aims stay words. */
const ratios: readonly RatioRequirement[] = [
  {
    what: 'mTLS pair, 32 connections, small requests, rate',
    work: 'small',
    atLeast: 1.3,
    aim: '1.5 × ztunnel',
  },
  { what: 'mTLS pair, new connection per request', work: 'connect', atLeast: 6, aim: '1.2 × ztunnel' },
  { what: 'mTLS pair, one bulk stream, download', work: 'download', atLeast: 1, aim: '1.0 × ztunnel' },
  { what: 'mTLS pair, one bulk stream, upload', work: 'upload', atLeast: 1, aim: '1.0 × ztunnel' },
  { what: 'plain TCP copy, one stream', work: 'copy', atLeast: 1.2, aim: '1.5 × HAProxy' },
]

/** RssAnon of the larger proxy of the pair, in MiB. */
const memory = [
  { connections: 0, atMost: 40, aim: 30 },
  { connections: 1000, atMost: 75, aim: 50 },
] as const

export function requirementsOf(report: L4Report): readonly Requirement[] {
  return [...ratios.map((one) => ratioRequirement(one, report)), ...memoryRequirements(report)]
}

function ratioRequirement({ what, work, atLeast, aim }: RatioRequirement, { series }: L4Report): Requirement {
  const rates = (path: string): readonly number[] | undefined =>
    series.find((one: Series) => one.work === work && one.path === path)?.measurements.map(({ rate }) => rate)
  const [ours, theirs] = [rates('ours'), rates('haproxy')]
  const required = `${atLeast.toFixed(1)} × HAProxy`
  if (ours === undefined || theirs === undefined)
    return { what, required, aim, reached: 'not measured', met: undefined }
  const spread = pairedRatio(ours, theirs)
  return { what, required, aim, reached: `${ratioSpread(spread)} × HAProxy`, met: spread.median >= atLeast }
}

function memoryRequirements(report: L4Report): readonly Requirement[] {
  return memory.map(({ connections, atMost, aim }) => {
    const what = `private memory of a node proxy with one worker, ${connections === 0 ? 'idle' : `${connections} connections`}`
    const sample = report.memory.find((one) => one.path === 'ours' && one.connections === connections)
    const found = sample?.proxies.map(({ anonymousMiB }) => anonymousMiB)
    const most = found === undefined ? undefined : Math.max(...found)
    return {
      what,
      required: `${atMost} MB`,
      aim: `${aim} MB`,
      reached: most === undefined ? 'not measured' : `${numberText(mebibytesAsMegabytes(most))} MB`,
      met: most === undefined ? undefined : mebibytesAsMegabytes(most) <= atMost,
    }
  })
}

function mebibytesAsMegabytes(mebibytes: number): number {
  return (mebibytes * 1024 ** 2) / 1e6
}
