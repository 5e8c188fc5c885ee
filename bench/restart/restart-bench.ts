import { parseArgs } from 'node:util'
import { systemClock } from '@tulle/core'
import { closeFd, netnsOfPid } from '@tulle/kernel'
import type { List } from '@tulle/status'
import { MeshFolder } from '../../tests/support/mesh.ts'
import type { Mesh } from '../../tests/support/mesh.ts'
import { buildPackage } from '../support/build-package.ts'
import { Children } from '../support/children.ts'
import type { Child } from '../support/children.ts'
import { machineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { positive } from '../support/options.ts'
import { loadCore } from '../support/run-setting.ts'
import { saveResult } from '../support/save-result.ts'
import { spreadOf } from '../support/statistics.ts'
import { namespace, pathManifests, servicePort } from '../mesh-path/path-mesh.ts'
import type { ProbeReport } from './caller.ts'

const requiredMs = 1000
/** The proxy of the caller, and that of the server. */
const nodes = ['node-1', 'node-2'] as const
/** A process that has run for so long is started again without a pause. */
const healthyMs = 11_000

const usage = `npm run bench -- restart [options]
  --smoke            one round with 10 connections: does it run at all?
  --rounds N         rounds, in each of which either proxy is killed once (5)
  --connections N    open connections through both (1000)
  --source           runs the mesh from the TypeScript sources instead of the package that users install
  --save             write the result to bench/results`

interface Kill {
  readonly node: string
  readonly answeredAfterMs: number
  readonly failed: number
}

/** How long after SIGKILL of a node proxy a new connection through its successor has its first answer. */
export async function run(argv: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      connections: { type: 'string' },
      source: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  })
  const { smoke, source, save } = values
  const rounds = positive({ option: '--rounds', text: values.rounds ?? (smoke ? '1' : '5'), usage })
  const asked = values.connections ?? (smoke ? '10' : '1000')
  const connections = positive({ option: '--connections', text: asked, usage })
  const program = source ? {} : { program: buildPackage('tulle-bench') }
  using folder = new MeshFolder({ manifests: pathManifests(), ...program })
  await using mesh = await folder.start()
  await using children = new Children()
  await mesh.settle()
  const caller = await startCaller(mesh, children, connections)
  const kills: Kill[] = []
  for (let round = 0; round < rounds; round++) {
    for (const node of nodes) {
      await systemClock.sleep(smoke ? 500 : healthyMs)
      kills.push(await kill(mesh, node, caller))
    }
    process.stderr.write(`round ${round + 1} of ${rounds}\n`)
  }
  const text = render(kills, connections, source)
  console.log(text)
  const report = { machine: machineFacts(), connections, kills }
  if (save) console.log(`\nsaved as ${saveResult('restart', report, text)}`)
}

/** In the namespace of a workload, where it is captured as that is. */
async function startCaller(mesh: Mesh, children: Children, connections: number): Promise<Child> {
  interface Service {
    readonly name: string
    readonly addresses: readonly string[]
  }
  const { items } = await mesh.control.get<List<Service>>('/v1/services')
  const address = items.find(({ name }) => name === 'server')?.addresses[0] ?? ''
  const netns = netnsOfPid(await mesh.pidOf(`${namespace}/caller`))
  const script = new URL('caller.ts', import.meta.url).pathname
  const caller = children.start({
    name: 'caller',
    netns,
    core: loadCore,
    command: [process.execPath, script, address, `${servicePort}`, `${connections}`],
  })
  closeFd(netns)
  await Promise.race([printedTimes(caller, 'held', 1), caller.ended()])
  return caller
}

async function kill(mesh: Mesh, node: string, caller: Child): Promise<Kill> {
  const pid = await mesh.pidOf(node)
  const before = reportsOf(await caller.printed('held')).length
  const refills = timesIn(await caller.printed('held'), 'held')
  const killedMs = systemClock.nowMs()
  process.kill(pid, 'SIGKILL')
  caller.tell('probe')
  const printed = await Promise.race([printedTimes(caller, 'answeredMs', before + 1), caller.ended()])
  const report = reportsOf(printed).at(-1)
  caller.tell('refill')
  await Promise.race([printedTimes(caller, 'held', refills + 1), caller.ended()])
  return {
    node,
    answeredAfterMs: (report?.answeredMs ?? Number.NaN) - killedMs,
    failed: report?.failed ?? 0,
  }
}

function reportsOf(printed: string): readonly ProbeReport[] {
  // Lines of our own making.
  return printed
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as ProbeReport] : []))
}

function timesIn(printed: string, word: string): number {
  return printed.split(word).length - 1
}

async function printedTimes(child: Child, word: string, times: number): Promise<string> {
  for (;;) {
    const printed = await child.printed(word)
    if (timesIn(printed, word) >= times) return printed
    await systemClock.sleep(1)
  }
}

function render(kills: readonly Kill[], connections: number, source: boolean): string {
  const rows = nodes.map((node) => {
    const own = kills.filter((one) => one.node === node)
    const { median, min, max } = spreadOf(own.map(({ answeredAfterMs }) => answeredAfterMs))
    const side = node === 'node-1' ? 'the caller' : 'the server'
    const failed = own.reduce((sum, one) => sum + one.failed, 0)
    return [side, `${own.length}`, median.toFixed(0), `${min.toFixed(0)}–${max.toFixed(0)}`, `${failed}`]
  })
  return [
    `SIGKILL of a node proxy of the ${source ? 'sources' : 'package'} with ${connections} connections open: until a new connection has its first answer; required: ${requiredMs} ms.`,
    '',
    renderTable(
      ['the proxy of', 'kills', 'median ms', 'least–greatest', 'connections that failed first'],
      rows,
    ),
  ].join('\n')
}
