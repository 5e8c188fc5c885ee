import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { parseArgs } from 'node:util'
import { seededRng, systemClock } from '@tulle/core'
import { serviceTrafficType } from '@tulle/traffic-xds'
import { Peer } from '../control/peer.ts'
import { ControlProcess } from '../control/processes.ts'
import { freePort } from '../support/free-port.ts'
import { inTime } from '../support/in-time.ts'
import { machineMs } from '../support/machine-clock.ts'
import { machineFacts } from '../support/machine.ts'
import { renderTable } from '../support/markdown.ts'
import { wholeNumber } from '../support/options.ts'
import { temporaryFolder } from '../support/run-setting.ts'
import { SplitFiles } from './split-files.ts'

const usage = `npm run bench -- one-weight [options]
  --services N     (5000)
  --waypoints N    subscribed, a namespace each (200)
  --changes N      of one weight each, one after the other (50)
  --smoke          20 services, 4 waypoints, 3 changes: does it run at all?`

interface OneWeightOptions {
  readonly services: number
  readonly waypoints: number
  readonly changes: number
}

/** A change that has not come after so long is missing. */
const arrivalTimeoutMs = 5000
/** From one change to the next: in it, what reached somebody else would show. */
const quietMs = 200
const settleTimeoutMs = 300_000
/** One percent of changes may take as long. */
const requiredMs = 100

/** From the rename of a file with one weight changed until it is at its waypoint; and what anybody else was sent for it. */
export async function run(argv: readonly string[]): Promise<void> {
  const options = parseOptions(argv)
  using folder = temporaryFolder()
  const manifests = join(folder.path, 'manifests')
  const state = join(folder.path, 'state')
  const files = new SplitFiles(manifests, options)
  const teams = Array.from({ length: options.waypoints }, (_, team) => team)
  const nodes = ['node-0', ...teams.map((team) => files.nodeOf(team))]
  const plan = { manifests, state, port: await freePort(), nodes, core: 0, profileFolder: undefined }
  await ControlProcess.fillCompileCache(folder.path, plan.port)
  await using control = new ControlProcess(plan)
  await control.ready()
  say(`${options.services} services are loaded`)
  using waypoints = new Waypoints(files, plan)
  await waypoints.settled()
  say(`${options.waypoints} waypoints have their first state`)
  const measured = await makeChanges(files, waypoints, options)
  console.log(render(measured, options))
  for (const line of control.log.slice(-3)) say(line)
}

/** Of all changes; times in milliseconds. */
interface Measured {
  readonly arrivalsMs: readonly number[]
  readonly missing: number
  /** Of messages to the waypoint whose service it is. */
  readonly bytes: readonly number[]
  /** Of messages, and of anything at all, to all the others together. */
  readonly strayBytes: number
  readonly straySocketBytes: number
}

async function makeChanges(
  files: SplitFiles,
  waypoints: Waypoints,
  { services, changes }: OneWeightOptions,
): Promise<Measured> {
  const rng = seededRng(1)
  const arrivalsMs: number[] = []
  const bytes: number[] = []
  let missing = 0
  let strayBytes = 0
  let straySocketBytes = 0
  for (let change = 0; change < changes; change++) {
    const app = Math.floor(rng.next() * services)
    const team = files.teamOf(app)
    const draft = files.prepare(app, 2 + change)
    await systemClock.sleep(quietMs)
    const socketBytes = waypoints.socketBytesBut(team)
    const arrival = waypoints.expect(team, files.serviceKey(app))
    const renamedMs = machineMs()
    draft.rename()
    const arrivedMs = await inTime(arrival, arrivalTimeoutMs)
    if (arrivedMs === undefined) missing++
    else arrivalsMs.push(arrivedMs - renamedMs)
    await systemClock.sleep(quietMs)
    const told = waypoints.takeCounts()
    bytes.push(told.get(team) ?? 0)
    for (const [other, count] of told) if (other !== team) strayBytes += count
    straySocketBytes += waypoints.socketBytesBut(team) - socketBytes
  }
  return { arrivalsMs, missing, bytes, strayBytes, straySocketBytes }
}

interface Expected {
  readonly team: number
  readonly service: Buffer
  readonly onArrival: (atMs: number) => void
}

/** All subscribed waypoints, each with a connection, a token and a stream of its own. */
class Waypoints implements Disposable {
  readonly #peers: readonly Peer[]
  readonly #teams: ReadonlyMap<string, number>
  readonly #ended: PromiseWithResolvers<never> = Promise.withResolvers()
  #counts: Map<number, number> = new Map()
  #expected: Expected | undefined
  #lastMs: number = 0
  #closed: boolean = false

  constructor(files: SplitFiles, { port, state }: { readonly port: number; readonly state: string }) {
    const rootsPem = readFileSync(join(state, 'control-roots.pem'), 'utf8')
    const secureContext = createSecureContext({ ca: rootsPem, minVersion: 'TLSv1.3' })
    const teams = Array.from({ length: files.size.waypoints }, (_, team) => team)
    this.#teams = new Map(teams.map((team) => [files.nodeOf(team), team]))
    this.#peers = teams.map((team) => {
      const node = files.nodeOf(team)
      const token = readFileSync(join(state, 'nodes', node, 'token'), 'utf8').trim()
      return new Peer(
        { node, token, traffic: files.servicesOf(team) },
        {
          port,
          secureContext,
          bring: () => ({ versions: new Uint8Array() }),
          versionsIn: () => new Uint8Array(),
          onDigestsTaken: () => undefined,
          onMessage: ({ plan }, typeUrl, { bytes, sizeBytes }) =>
            this.#onMessage(plan.node, typeUrl, bytes, sizeBytes),
          onEnd: ({ plan }) => {
            if (!this.#closed) this.#ended.reject(new Error(`the stream of ${plan.node} ended`))
          },
        },
        false,
      )
    })
  }

  /** All have had their first answers, and nothing has come for a second. */
  async settled(): Promise<void> {
    const deadlineMs = machineMs() + settleTimeoutMs
    const isQuiet = (): boolean =>
      this.#peers.every(({ settled }) => settled) && machineMs() - this.#lastMs >= 1000
    while (!isQuiet()) {
      if (machineMs() > deadlineMs)
        throw new Error(`not all waypoints had their first state after ${settleTimeoutMs / 1000} s`)
      await Promise.race([systemClock.sleep(100), this.#ended.promise])
    }
    this.#counts.clear()
  }

  /** Resolves when that waypoint was told of that service. */
  expect(team: number, service: string): Promise<number> {
    return new Promise((onArrival) => {
      this.#expected = { team, service: Buffer.from(service), onArrival }
    })
  }

  /** Bytes of messages to each that was told anything since the last call. */
  takeCounts(): ReadonlyMap<number, number> {
    const counts = this.#counts
    this.#counts = new Map()
    return counts
  }

  /** What the sockets of all others have received so far, whatever it was. */
  socketBytesBut(team: number): number {
    return this.#peers.reduce((sum, { socketBytes }, index) => sum + (index === team ? 0 : socketBytes), 0)
  }

  [Symbol.dispose](): void {
    this.#closed = true
    for (const peer of this.#peers) peer.close()
  }

  #onMessage(node: string, typeUrl: string, bytes: Buffer, sizeBytes: number): void {
    const atMs = machineMs()
    this.#lastMs = atMs
    const team = this.#teams.get(node) ?? -1
    this.#counts.set(team, (this.#counts.get(team) ?? 0) + sizeBytes)
    const expected = this.#expected
    if (expected?.team !== team || typeUrl !== serviceTrafficType || !bytes.includes(expected.service)) return
    this.#expected = undefined
    expected.onArrival(atMs)
  }
}

function render(measured: Measured, { services, waypoints, changes }: OneWeightOptions): string {
  const { arrivalsMs, missing, bytes, strayBytes, straySocketBytes } = measured
  const { cpu, cores, kernel, node, commit } = machineFacts()
  const p99 = quantile(arrivalsMs, 0.99)
  const ms = (value: number): string => `${value.toFixed(1)} ms`
  return [
    `One weight at ${commit}: ${cpu}, ${cores} cores, Linux ${kernel}, Node ${node}`,
    `${services} services, each with a TrafficSplit; ${waypoints} subscribed waypoints; ${changes} changes, a file renamed for each`,
    renderTable(
      ['', ''],
      [
        [
          'file renamed → waypoint, p50 / p99 / max',
          [0.5, 0.99, 1].map((q) => ms(quantile(arrivalsMs, q))).join(' / '),
        ],
        ['arrivals missing', `${missing}`],
        ['bytes to the waypoint, least / most', `${Math.min(...bytes)} / ${Math.max(...bytes)}`],
        ['bytes of messages to all others', `${strayBytes}`],
        ['bytes on their sockets, TLS and PING included', `${straySocketBytes}`],
      ],
    ),
    `Required: under ${requiredMs} ms, and nothing to anybody else: ${
      p99 < requiredMs && missing === 0 && strayBytes === 0 ? 'reached' : 'missed'
    }.`,
  ].join('\n\n')
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

function parseOptions(argv: readonly string[]): OneWeightOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      services: { type: 'string' },
      waypoints: { type: 'string' },
      changes: { type: 'string' },
      smoke: { type: 'boolean', default: false },
    },
  })
  const count = (option: 'services' | 'waypoints' | 'changes', usual: number, smoke: number): number =>
    wholeNumber({ option: `--${option}`, text: values[option] ?? `${values.smoke ? smoke : usual}`, usage })
  return {
    services: count('services', 5000, 20),
    waypoints: count('waypoints', 200, 4),
    changes: count('changes', 50, 3),
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
