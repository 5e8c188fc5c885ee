import { unreachable } from '@tulle/core'
import type { Rng } from '@tulle/core'
import type { Answer, Received } from '../workload/protocol.ts'
import { until } from '../../support/waiting.ts'
import { binomialBand } from './band.ts'
import { callOf, defaultCaller, targetOf, targetText } from './calls.ts'
import type { ApplyStep, Ask, Case, ConditionStep, RequestStep, ShareStep, Step, TcpStep } from './case.ts'
import type { Differences } from './differences.ts'
import { differ, differInHeaders, differOneOf } from './differences.ts'
import type { MeshDriver } from './driver.ts'
import { holdAgainstAnswer, holdAgainstOutcome } from './explained.ts'

export interface StepContext {
  readonly driver: MeshDriver
  readonly rng: Rng
  readonly one: Case
  /** Unique in the run. */
  readonly newId: () => string
  /** The caller's port of the step before, of each connection that is named. */
  readonly ports: Map<string, number>
  readonly sessions: Map<string, KeptSession>
}

interface KeptSession {
  readonly header: string
  readonly value: string
  readonly by: string
}

const sameAs = 'same as '

export async function runStep(step: Step, context: StepContext): Promise<Differences> {
  switch (step.kind) {
    case 'request':
      return runRequests(step, context)
    case 'share':
      return runShare(step, context)
    case 'tcp':
      return runTcp(step, context)
    case 'kept': {
      const alive = await context.driver.tcpAlive(step.from ?? defaultCaller, step.id)
      return differ(`the connection kept as ${step.id} is alive`, step.alive, alive)
    }
    case 'udp': {
      const target = await targetOf(step.to, context.driver)
      const answered = await context.driver.udp(step.from ?? defaultCaller, target)
      return differ(`UDP to ${step.to} is answered`, step.answered, answered)
    }
    case 'apply':
      return applyAll(step, context)
    case 'condition':
      return checkConditions(step, context.driver)
    default:
      return unreachable(step)
  }
}

export async function applyAll(
  { manifests, faulty = false }: Omit<ApplyStep, 'kind'>,
  { driver, one }: Pick<StepContext, 'driver' | 'one'>,
): Promise<Differences> {
  const found = await driver.apply({ manifests, denyByDefault: one.denyByDefault === true })
  if (faulty) return found.length > 0 ? [] : ['the mesh finds no fault with the documents']
  return found.map((problem) => `the mesh finds fault with the documents: ${problem}`)
}

async function runRequests(step: RequestStep, context: StepContext): Promise<Differences> {
  for (let i = 0; i < (step.times ?? 1); i++) {
    const differences = await runRequest(step, context)
    if (differences.length > 0) return differences
  }
  return []
}

async function runRequest(step: RequestStep, context: StepContext): Promise<Differences> {
  const { driver, ports, newId, sessions } = context
  const ask = withSession(step.ask, sessions)
  const expect = withKeptBackend(step.expect, sessions)
  const target = await targetOf(targetText(ask), driver)
  const id = newId()
  const from = ask.from ?? defaultCaller
  const call = callOf(ask, target, id)
  const answer = await driver.call(from, call)
  const what = `${ask.method ?? ''} ${targetText(ask)}${ask.path ?? '/'}`.trim()
  const differences = [
    ...compareAnswer(expect, answer),
    ...(await compareDeliveries(expect.deliveries ?? {}, id, driver)),
  ]
  const explained = await explainer(context)?.(from, call)
  if (explained !== undefined) differences.push(...holdAgainstAnswer(explained, answer))
  if (step.keep !== undefined) keepSession(step.keep, answer, sessions)
  const connection = ask.connection ?? ''
  if (expect.localPort === 'as before')
    differences.push(...differ("the caller's port", ports.get(connection), answer.localPort))
  ports.set(connection, answer.localPort)
  return differences.map((text) => `${what}: ${text}${answer.error === '' ? '' : ` (${answer.error})`}`)
}

function withSession(ask: Ask, sessions: StepContext['sessions']): Ask {
  const session = sessions.get(ask.session ?? '')
  if (session === undefined) return ask
  const { header, value } = session
  const said = header === 'set-cookie' ? { cookie: value.split(';')[0] ?? '' } : { [header]: value }
  return { ...ask, headers: { ...ask.headers, ...said } }
}

function withKeptBackend(
  expect: RequestStep['expect'],
  sessions: StepContext['sessions'],
): RequestStep['expect'] {
  if (typeof expect.by !== 'string' || !expect.by.startsWith(sameAs)) return expect
  const session = sessions.get(expect.by.slice(sameAs.length))
  return { ...expect, by: session?.by ?? 'nobody: no session was kept' }
}

function keepSession(
  { header, as }: NonNullable<RequestStep['keep']>,
  { headers, received }: Answer,
  sessions: StepContext['sessions'],
): void {
  const value = headers.find(([name]) => name.toLowerCase() === header)?.[1]
  if (value !== undefined && received !== undefined) sessions.set(as, { header, value, by: received.by })
}

function compareAnswer(expect: RequestStep['expect'], answer: Answer): Differences {
  const { received } = answer
  const differences = [
    ...differOneOf('status', expect.status, answer.status),
    ...differInHeaders('answer', expect.headers ?? {}, answer.headers),
    ...differInHeaders(
      'trailer',
      expect.trailers ?? {},
      answer.trailers.length > 0 ? answer.trailers : answer.headers,
    ),
  ]
  if (expect.by !== undefined)
    differences.push(...differOneOf('answered by', expect.by, received?.by ?? null))
  if (expect.body !== undefined)
    differences.push(...differ('body', expect.body, received?.body ?? answer.body))
  return [...differences, ...compareReceived(expect, received)]
}

function compareReceived(expect: RequestStep['expect'], received: Received | undefined): Differences {
  const { target, authority, method, version, received: headers } = expect
  if (received === undefined)
    return (target ?? authority ?? method ?? version ?? headers) === undefined
      ? []
      : ['no backend says what it got']
  const differences = (['target', 'authority', 'method', 'version'] as const).flatMap((field) =>
    expect[field] === undefined ? [] : differ(`the backend's ${field}`, expect[field], received[field]),
  )
  return [...differences, ...differInHeaders('the backend got', headers ?? {}, received.headers)]
}

/** More than expected is as wrong as less: after the last one that was waited for, the count has to be exact. */
async function compareDeliveries(
  deliveries: Readonly<Record<string, number>>,
  id: string,
  driver: MeshDriver,
): Promise<Differences> {
  const differences: string[] = []
  for (const [workload, count] of Object.entries(deliveries)) {
    const found = await countUntil(workload, { id, count, driver })
    differences.push(...differ(`requests that ${workload} got`, count, found))
  }
  return differences
}

async function countUntil(
  workloads: string,
  { id, count, driver }: { readonly id: string; readonly count: number; readonly driver: MeshDriver },
): Promise<number> {
  let last = 0
  const enough = async (): Promise<true | undefined> => {
    const all = await Promise.all(workloads.split('+').map((workload) => driver.received(workload, id)))
    last = all.flat().length
    return last >= count ? true : undefined
  }
  // Copies and repeats may come after the answer.
  await until(enough, () => 'too few').catch(() => undefined)
  return last
}

async function runShare(step: ShareStep, { driver, rng, newId }: StepContext): Promise<Differences> {
  const { ask, atLeast, connections = 4, shares, copies = {} } = step
  const count = atLeast + Math.floor((rng.next() * atLeast) / 5)
  const id = newId()
  const call = callOf(ask, await targetOf(targetText(ask), driver), id)
  const tally = await driver.calls(ask.from ?? defaultCaller, { ...call, count, connections })
  const differences = Object.keys({ ...shares, ...tally }).flatMap((who) =>
    outside(`${who}`, { count, chance: shares[who] ?? 0, found: tally[who] ?? 0 }),
  )
  for (const [workload, chance] of Object.entries(copies)) {
    const { least } = binomialBand(count, chance)
    const found = await countUntil(workload, { id, count: least, driver })
    differences.push(...outside(`copies to ${workload}`, { count, chance, found }))
  }
  return differences
}

function outside(
  what: string,
  {
    count,
    chance,
    found,
  }: { readonly count: number; readonly chance: number | 'some'; readonly found: number },
): Differences {
  const { least, most } = chance === 'some' ? { least: 1, most: count } : binomialBand(count, chance)
  if (found >= least && found <= most) return []
  return [`${what}: expected ${least} to ${most} of ${count} (${chance}), found ${found}`]
}

/** Held against what happens in the cases of SMI. */
function explainer({ driver, one }: StepContext): MeshDriver['explain'] {
  return one.id.startsWith('smi') ? driver.explain?.bind(driver) : undefined
}

async function runTcp(step: TcpStep, context: StepContext): Promise<Differences> {
  const { serverName, keepAs } = step
  const { driver } = context
  const from = step.from ?? defaultCaller
  const target = await targetOf(step.to, driver)
  const outcome = await driver.tcp(from, {
    ...target,
    ...(serverName === undefined ? {} : { serverName }),
    ...(keepAs === undefined ? {} : { keepAs }),
  })
  const explained = await explainer(context)?.(from, target)
  return [
    ...differOneOf(`TCP to ${step.to}: answered by`, step.by, outcome.by === '' ? null : outcome.by),
    ...(explained === undefined ? [] : holdAgainstOutcome(explained, outcome)),
  ]
}

async function checkConditions(step: ConditionStep, driver: MeshDriver): Promise<Differences> {
  const all = await driver.conditions(step.of)
  if (all === undefined) return [`the mesh has no ${step.of}`]
  const own = all.filter(({ parent }) => parent === undefined || parent === (step.parent ?? 0))
  return Object.entries(step.conditions).flatMap(([type, expected]) => {
    const one = own.find((condition) => condition.type === type)
    const full = one === undefined ? null : `${one.status} ${one.reason}`
    const found = expected === one?.status ? expected : full
    return differ(`${step.of} ${type}`, expected, found)
  })
}
