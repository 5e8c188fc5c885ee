import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '@tulle/core'
import type { SocketAddress } from '@tulle/l4'
import { withRtnetlink } from '@tulle/kernel'
import { writeCertificates } from '../support/certificates.ts'
import { Children } from '../support/children.ts'
import type { Child, ChildPlan } from '../support/children.ts'
import { machineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { positive } from '../support/options.ts'
import { loadCore, privateFolder, proxyCore } from '../support/run-setting.ts'
import { saveResult } from '../support/save-result.ts'
import { median, pairedRatio } from '../support/statistics.ts'
import { farIp, makeTwoNamespaces, nearIp } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'

import type { NodePlan } from './mesh-node.ts'
import type { QuietReport } from './quiet-load.ts'

/** The node proxy has its core to itself; the quiet pair shares the other one, and noise gets what is left of that. */
const quietIp = farIp
const noisyIp = '10.99.0.3'
const noiseSources = [20, 21, 22, 23, 24, 25].map((host) => `10.99.0.${host}`)
const appPort = 9000
const noisyAppPort = 9001
/** Of an application with room for as many connections as a workload may have. */
const fullAppPort = 9002
const maxConnections = 5000
const plainPort = 7300
const requiredRatio = 2

interface Noise {
  readonly name: 'none' | 'connections' | 'conversations' | 'handshakes' | 'bulk'
  readonly about: string
  readonly command: readonly string[]
  /** As much of the same, to a program beside the node proxy: what that does to the quiet workload is the machine's part. */
  readonly past: readonly string[]
}

const noises: readonly Noise[] = [
  { name: 'none', about: 'nothing', command: [], past: [] },
  {
    name: 'connections',
    about: 'wants 50 000 connections, and goes on asking when it has all it may have',
    command: ['connections', noisyIp, `${plainPort}`, '5000', '50000'],
    past: ['connections', noisyIp, `${fullAppPort}`, '5000', '50000'],
  },
  {
    name: 'conversations',
    about: '1000 conversations at once, each as fast as it goes',
    command: ['conversations', noisyIp, `${plainPort}`, '5000', '1000'],
    past: ['conversations', noisyIp, `${noisyAppPort}`, '5000', '1000'],
  },
  {
    name: 'handshakes',
    about: '5000 TLS handshakes a second, from six addresses',
    command: ['handshakes', noisyIp, '15008', '5000', '0'],
    // As many as a node proxy answers.
    past: ['handshakes', noisyIp, `${noisyAppPort}`, '250', '0'],
  },
  {
    name: 'bulk',
    about: 'one download as fast as it goes',
    command: ['bulk', nearIp, '7102', '1000', '1'],
    past: ['bulk', noisyIp, `${noisyAppPort}`, '1000', '1'],
  },
]

interface Row {
  readonly noise: Noise
  readonly reports: readonly QuietReport[]
  readonly past: readonly QuietReport[]
  readonly loudness: string
}

const usage = `npm run bench -- neighbours [options]
  --smoke          one round of one second: does it run at all?
  --rounds N       rounds, each with every kind of noise (3)
  --seconds N      time for each measurement (4)
  --rate N         requests a second of the quiet workload (1000)
  --noise A,B      of ${noises.map(({ name }) => name).join(', ')}
  --save           write the result to bench/results`

/** What a noisy workload does to the one beside it on the same node proxy. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parse(argv)
  using folder = privateFolder()
  using networks = makeTwoNamespaces()
  for (const address of [noisyIp, ...noiseSources]) {
    const netns = address === noisyIp ? networks.far : networks.near
    withRtnetlink(netns, (route) => route.addAddress({ link: 'eth0', address, prefixLength: 24 }))
  }
  await using children = new Children()
  await startMesh(folder.path, networks, children)
  const rows = new Map<string, Row>()
  for (let round = 0; round < options.rounds; round++) {
    for (const noise of options.noises) {
      const place = { networks, children }
      const { report, loudness } = await measure(noise, noise.command, options, place)
      const past = noise.name === 'none' ? [] : [(await measure(noise, noise.past, options, place)).report]
      const before = rows.get(noise.name)
      rows.set(noise.name, {
        noise,
        reports: [...(before?.reports ?? []), report],
        past: [...(before?.past ?? []), ...past],
        loudness,
      })
    }
    process.stderr.write(`round ${round + 1} of ${options.rounds}\n`)
  }
  const text = render([...rows.values()], options)
  console.log(text)
  const report = { machine: machineFacts(), rows: [...rows.values()] }
  if (options.save) console.log(`\nsaved as ${saveResult('neighbours', report, text)}`)
}

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly rate: number
  readonly noises: readonly Noise[]
  readonly save: boolean
}

function parse(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      rate: { type: 'string', default: '1000' },
      noise: { type: 'string', default: noises.map(({ name }) => name).join(',') },
      save: { type: 'boolean', default: false },
    },
  })
  const wanted = values.noise.split(',')
  return {
    rounds: positive({ option: '--rounds', text: values.rounds ?? (values.smoke ? '1' : '3'), usage }),
    seconds: positive({ option: '--seconds', text: values.seconds ?? (values.smoke ? '1' : '4'), usage }),
    rate: positive({ option: '--rate', text: values.rate, usage }),
    noises: noises.filter(({ name }) => wanted.includes(name)),
    save: values.save,
  }
}

interface Place {
  readonly networks: TwoNamespaces
  readonly children: Children
}

async function startMesh(folder: string, networks: TwoNamespaces, children: Children): Promise<void> {
  writeCertificates(folder, ['quiet', 'noisy', 'quiet-client', 'noisy-client'])
  const script = (name: string): string => join(import.meta.dirname, name)
  const start = (plan: Omit<ChildPlan, 'core'> & { readonly core?: number }): Child =>
    children.start({ core: loadCore, ...plan })
  const workloads: NodePlan['workloads'] = [
    { name: 'quiet', ip: quietIp, caller: 'quiet-client' },
    { name: 'noisy', ip: noisyIp, caller: 'noisy-client' },
    { name: 'quiet-client', ip: nearIp, caller: 'nobody' },
    { name: 'noisy-client', ip: '10.99.0.20', caller: 'nobody' },
  ]
  const node = (serves: NodePlan['serves']): readonly [string, string] => [
    script('mesh-node.ts'),
    JSON.stringify({ folder, workloads, serves } satisfies NodePlan),
  ]
  const destination = { ip: noisyIp, port: noisyAppPort }
  const fixedPlaintext = [{ listen: { ip: noisyIp, port: plainPort }, destination }]
  const served = start({
    name: 'node proxy',
    netns: networks.far,
    core: proxyCore,
    command: manyFiles([
      process.execPath,
      ...node([
        { name: 'quiet', listeners: { hbone: { ip: quietIp, port: 15_008 } } },
        { name: 'noisy', listeners: { hbone: { ip: noisyIp, port: 15_008 }, fixedPlaintext } },
      ]),
    ]),
  })
  const outbound = (name: string, own: string, port: number, to: SocketAddress): Child =>
    start({
      name,
      netns: networks.near,
      command: [
        ...(name === 'noisy-client' ? lowPriority : plain),
        process.execPath,
        ...node([
          {
            name,
            listeners: {
              fixedOutbound: [{ listen: { ip: nearIp, port }, destination: to }],
              hbone: { ip: own, port: 15_008 },
            },
          },
        ]),
      ],
    })
  const proxies = [
    served,
    outbound('quiet-client', nearIp, 7101, { ip: quietIp, port: appPort }),
    outbound('noisy-client', '10.99.0.20', 7102, destination),
  ]
  const backend = join(import.meta.dirname, '../load/backend.ts')
  start({
    name: 'quiet app',
    netns: networks.far,
    command: [process.execPath, backend, quietIp, `${appPort}`],
  })
  for (const [port, most] of [
    [noisyAppPort, Number.POSITIVE_INFINITY],
    [fullAppPort, maxConnections],
  ] as const)
    start({
      name: 'noisy app',
      netns: networks.far,
      command: manyFiles([
        ...lowPriority,
        process.execPath,
        script('noisy-app.ts'),
        noisyIp,
        `${port}`,
        `${most}`,
      ]),
    })
  for (const proxy of proxies) await Promise.race([proxy.printed('ready'), proxy.ended()])
  await systemClock.sleep(500)
}

type Command = readonly [program: string, ...args: string[]]

/** Gives way at once to whatever else wants the core (a low priority would finish its slice): what is measured is the node proxy, not the load's core. */
const lowPriority: Command = ['chrt', '--idle', '0']
const plain: Command = ['env']

/** As many descriptors as the greatest of these programs needs, where we may have them. */
function manyFiles(command: readonly string[]): Command {
  const script = 'ulimit -n 200000 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"'
  return ['sh', '-c', script, 'sh', ...command]
}

async function measure(
  noise: Noise,
  command: readonly string[],
  options: Options,
  { networks, children }: Place,
): Promise<{ readonly report: QuietReport; readonly loudness: string }> {
  const script = (name: string): string => join(import.meta.dirname, name)
  const loud =
    noise.name === 'none'
      ? undefined
      : children.start({
          name: `noise of ${noise.name}`,
          netns: networks.near,
          core: loadCore,
          command: manyFiles([...lowPriority, process.execPath, script('noise.ts'), ...command]),
        })
  if (loud !== undefined) await Promise.race([loud.printed('loud'), loud.ended()])
  const load = children.start({
    name: 'quiet load',
    netns: networks.near,
    core: loadCore,
    command: [
      process.execPath,
      script('quiet-load.ts'),
      nearIp,
      '7101',
      `${options.seconds}`,
      `${options.rate}`,
      '16',
    ],
  })
  // One line of its own making.
  const report = JSON.parse(await load.line()) as QuietReport
  const loudness = loud === undefined ? '–' : loudnessOf(noise, (await loud.printed('loud')).split('\n'))
  loud?.stop()
  // What it left is cleared away before the next one.
  await systemClock.sleep(noise.name === 'none' ? 500 : 2500)
  return { report, loudness }
}

function loudnessOf({ name }: Noise, lines: readonly string[]): string {
  const figures = lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Figures] : []))
  const a = (key: keyof Figures): number => Math.round(median(figures.map((one) => one[key])))
  if (name === 'bulk') return `${((a('bytes') * 8) / 1e9).toFixed(2)} Gbit/s`
  if (name === 'connections') return `${a('open')} open, ${a('refused')}/s refused`
  return `${a('done')}/s answered, ${a('refused')}/s refused`
}

type Figures = Readonly<Record<'done' | 'refused' | 'bytes' | 'open', number>>

function render(rows: readonly Row[], { rounds, seconds, rate }: Options): string {
  const quiet = rows.find(({ noise }) => noise.name === 'none')
  const p99s = (reports: readonly QuietReport[]): readonly number[] => reports.map(({ p99Us }) => p99Us)
  const ratio = (reports: readonly QuietReport[], to: readonly QuietReport[] = []): string => {
    if (reports === to || reports.length !== to.length) return '–'
    const { median: middle, min, max } = pairedRatio(p99s(reports), p99s(to))
    return `${middle.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
  }
  const table = renderTable(
    [
      'the noisy workload',
      'it got',
      'p50 us',
      'p99 us',
      'p99 / quiet p99',
      'noise past the node proxy / quiet p99',
      'p99 / noise past the node proxy',
      'unanswered',
    ],
    rows.map((row) => [
      row.noise.about,
      row.loudness,
      median(row.reports.map(({ p50Us }) => p50Us)).toFixed(0),
      median(p99s(row.reports)).toFixed(0),
      ratio(row.reports, quiet?.reports),
      ratio(row.past, quiet?.reports),
      ratio(row.reports, row.past),
      `${row.reports.reduce((sum, { sent, answered }) => sum + sent - answered, 0)}`,
    ]),
  )
  return [
    `Two workloads on one worker of one node proxy; the quiet one gets ${rate} requests a second over 16 connections.`,
    `${rounds} rounds of ${seconds} s, interleaved; medians; required: at most ${requiredRatio} times its own p99.`,
    '',
    table,
  ].join('\n')
}
