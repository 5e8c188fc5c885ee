import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { systemClock } from '@tulle/core'
import { mostConnections } from '../support/memory.ts'
import { Children } from '../support/children.ts'
import type { Child } from '../support/children.ts'
import { inTime } from '../support/in-time.ts'
import { machineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { wholeNumber } from '../support/options.ts'
import { endOnSignals, loadCore, proxyCore, temporaryFolder } from '../support/run-setting.ts'
import { farIp, makeTwoNamespaces, nearIp } from '../support/two-namespaces.ts'
import type { TwoNamespaces } from '../support/two-namespaces.ts'
import { capacityProxies } from './capacity-proxies.ts'
import type { CapacityProxy } from './capacity-proxies.ts'

const usage = `npm run bench -- l7-capacity [options]
  --connections N  idle ones, and then WebSockets (10000, or what descriptors allow)
  --readers N      slow ones, each of a body of 1 GiB (32)
  --proxies A,B    of ours, haproxy (all)
  --smoke          50 connections and 2 readers: does it run at all?`

const backendPort = 7400
/** Buffers of a burst are given back within two looks of five seconds. */
const settleMs = 12_000
const openWithinMs = 240_000

interface CapacityOptions {
  readonly connections: number
  readonly readers: number
  readonly proxies: readonly string[]
  readonly settleMs: number
}

const kinds = ['idle', 'websocket', 'slow'] as const
type Kind = (typeof kinds)[number]

/** Of one kind of connection through one fresh proxy; memory is RssAnon, in MiB. */
interface Sample {
  readonly proxy: string
  readonly kind: Kind
  readonly wanted: number
  readonly open: number
  readonly openMs: number
  readonly beforeMiB: number
  readonly withMiB: number
  readonly afterMiB: number
  /** That answered once more after they had idled, and in how long all of them did. */
  readonly again: number
  readonly againMs: number
  readonly why: string
}

/** What a waypoint of one thread holds for those who are only there. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv)
  using folder = temporaryFolder()
  using networks = makeTwoNamespaces({ captured: false })
  await using children = new Children()
  endOnSignals(children)
  const backend = fileURLToPath(new URL('backend-process.ts', import.meta.url))
  children.start({
    name: 'backend',
    netns: networks.far,
    core: loadCore,
    command: [process.execPath, backend, farIp, `${backendPort}`],
  })
  const place = {
    folder: folder.path,
    listenIp: farIp,
    backendIp: farIp,
    backendPort,
    maxConnections: options.connections,
  }
  const proxies = capacityProxies(place).filter(({ name }) => options.proxies.includes(name))
  const samples: Sample[] = []
  for (const proxy of proxies)
    for (const kind of kinds) samples.push(await measure(kind, proxy, { options, networks, children }))
  console.log(render(samples, options))
}

interface Deps {
  readonly options: CapacityOptions
  readonly networks: TwoNamespaces
  readonly children: Children
}

async function measure(kind: Kind, plan: CapacityProxy, deps: Deps): Promise<Sample> {
  const { options, networks, children } = deps
  const { name, port, command } = plan
  const proxy = children.start({ name, netns: networks.far, core: proxyCore, command })
  // One of each first: what is made once is no part of a connection.
  await open(kind, port, 1, deps).then(({ client }) => client.kill())
  await systemClock.sleep(options.settleMs)
  const beforeMiB = proxy.memory().anonymousMiB
  const wanted = kind === 'slow' ? options.readers : options.connections
  const { client, opened } = await open(kind, port, wanted, deps)
  await systemClock.sleep(options.settleMs)
  const withMiB = proxy.memory().anonymousMiB
  const again = await told(client, 'again', () => client.tell('again'))
  await client.kill()
  await systemClock.sleep(options.settleMs)
  const afterMiB = proxy.memory().anonymousMiB
  await proxy.kill()
  process.stderr.write(`${name} ${kind}: ${opened.count} in ${opened.ms} ms\n`)
  const memory = { beforeMiB, withMiB, afterMiB }
  const counts = { wanted, open: opened.count, openMs: opened.ms, again: again.count, againMs: again.ms }
  return { proxy: name, kind, ...memory, ...counts, why: opened.why || again.why }
}

interface Told {
  readonly count: number
  readonly ms: number
  readonly why: string
}

async function open(
  kind: Kind,
  port: number,
  count: number,
  { networks, children }: Deps,
): Promise<{ readonly client: Child; readonly opened: Told }> {
  const program = fileURLToPath(new URL('client-process.ts', import.meta.url))
  const client = children.start({
    name: `${kind} client`,
    netns: networks.near,
    core: loadCore,
    command: [process.execPath, program, kind, farIp, `${port}`, `${count}`],
  })
  const opened = await told(client, 'open', () => undefined)
  if (opened.count > 0) return { client, opened }
  throw new Error(`no ${kind} connection was opened through port ${port} (from ${nearIp}): ${opened.why}`)
}

async function told(client: Child, what: string, ask: () => void): Promise<Told> {
  ask()
  const printed = await inTime(Promise.race([client.printed(`${what} `), client.ended()]), openWithinMs)
  if (printed === undefined) throw new Error(`${client.name}: nothing was heard for ${openWithinMs / 1000} s`)
  const found = new RegExp(`^${what} (\\d+) (\\d+) (.*)$`, 'mu').exec(printed)
  return { count: Number(found?.[1]), ms: Number(found?.[2]), why: found?.[3] ?? '' }
}

function render(samples: readonly Sample[], { connections }: CapacityOptions): string {
  const { cpu, cores, kernel, node, haproxy, commit } = machineFacts()
  const mib = (value: number): string => value.toFixed(1)
  const rows = samples.map((sample) => {
    const perOne = ((sample.withMiB - sample.beforeMiB) * 1024) / sample.open
    return [
      sample.kind,
      sample.proxy,
      `${sample.open} of ${sample.wanted}`,
      `${(sample.openMs / 1000).toFixed(1)} s`,
      [sample.beforeMiB, sample.withMiB, sample.afterMiB].map(mib).join(' / '),
      `${perOne.toFixed(1)} KiB`,
      `${sample.again} in ${(sample.againMs / 1000).toFixed(1)} s`,
      sample.why,
    ]
  })
  return [
    `Capacity at ${commit}: ${cpu}, ${cores} cores (one for the proxy), Linux ${kernel}, Node ${node}, HAProxy ${haproxy}`,
    `One thread each, ${connections} connections; memory is RssAnon before / with them / after them, in MiB`,
    renderTable(['', 'proxy', 'open', 'in', 'memory', 'for each', 'answer again', 'else'], rows),
  ].join('\n\n')
}

function parseOptions(argv: readonly string[]): CapacityOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      connections: { type: 'string' },
      readers: { type: 'string' },
      proxies: { type: 'string', default: 'ours,haproxy' },
      smoke: { type: 'boolean', default: false },
    },
  })
  const wanted = wholeNumber({
    option: '--connections',
    text: values.connections ?? (values.smoke ? '50' : '10000'),
    usage,
  })
  return {
    connections: Math.min(wanted, mostConnections()),
    readers: wholeNumber({ option: '--readers', text: values.readers ?? (values.smoke ? '2' : '32'), usage }),
    proxies: values.proxies.split(','),
    settleMs: values.smoke ? 500 : settleMs,
  }
}
