import { err, linkedController, ok } from '@tulle/core'
import type { Clock, Result } from '@tulle/core'
import { badRequest, json, snapshots } from '@tulle/runtime'
import type { AdminReply, AdminRequest, AdminRoute } from '@tulle/runtime'
import { appliedEverywhere } from './applied-everywhere.ts'
import type { WaitView } from './api-types.ts'
import { ControlLists } from './control-lists.ts'
import type { ControlState, ExplainRequest } from './control-state.ts'
import { integerParam, onlyParams, textParam } from './params.ts'
import { nodeView, plain } from './views.ts'

const maxWaitMs = 600_000
const defaultWaitMs = 30_000

export interface ControlApi extends Disposable {
  readonly routes: readonly AdminRoute[]
}

/** The control plane's API on its unix socket. Lists take `?watch=1`: NDJSON, a full list a line. */
export function controlApi(state: ControlState, deps: { readonly clock: Clock }): ControlApi {
  const lists = new ControlLists(state)
  const list = (path: string, take: () => unknown): AdminRoute => ({
    method: 'GET',
    path,
    handle: (request) => answerList(request, state, take),
  })
  const routes: readonly AdminRoute[] = [
    list('/v1/workloads', () => lists.workloads()),
    list('/v1/services', () => lists.services()),
    list('/v1/policies', () => lists.policies()),
    list('/v1/objects', () => lists.objects()),
    list('/v1/problems', () => lists.problems()),
    list('/v1/waypoints', () => lists.waypoints()),
    list('/v1/nodes', () => lists.nodes()),
    list('/v1/launches', () => lists.launches()),
    list('/v1/hosts', () => lists.hosts()),
    list('/v1/version', () => lists.version()),
    { method: 'GET', path: '/v1/collections', handle: (request) => answerCollections(request, state) },
    { method: 'GET', path: '/v1/explain', handle: (request) => answerExplain(request, state) },
    { method: 'GET', path: '/v1/wait', handle: (request) => answerWait(request, state, deps.clock) },
    { method: 'POST', path: '/v1/sync', handle: (request) => answerSync(request, state, lists) },
  ]
  return { routes, [Symbol.dispose]: () => lists[Symbol.dispose]() }
}

function answerList(request: AdminRequest, state: ControlState, take: () => unknown): AdminReply {
  const known = onlyParams(request.query, ['watch'])
  if (!known.ok) return badRequest(known.error)
  const watch = request.query.get('watch') ?? '0'
  if (watch === '0') return json(take())
  if (watch !== '1') return badRequest(`watch: expected 0 or 1, found ${JSON.stringify(watch)}`)
  const subscribe = (onChange: () => void): Disposable => {
    const stack = new DisposableStack()
    stack.use(state.graph.onTransaction(onChange))
    stack.use(state.receipts.subscribe(onChange))
    return stack
  }
  return { kind: 'lines', values: changed(snapshots({ subscribe, take }, request.signal)) }
}

/** Leaves out what is as before: a watcher of services does not care for a node's acknowledgement. */
async function* changed(values: AsyncIterable<unknown>): AsyncGenerator<unknown, void, void> {
  let last = ''
  for await (const value of values) {
    const { revision: _, ...content } = Object(value) as { readonly revision?: number }
    const text = JSON.stringify(content)
    if (text !== last) yield value
    last = text
  }
}

/** Everything about one collection, or the sizes of all. */
function answerCollections(request: AdminRequest, state: ControlState): AdminReply {
  const known = onlyParams(request.query, ['name'])
  if (!known.ok) return badRequest(known.error)
  const { revision, collections } = state.graph.dump()
  const name = request.query.get('name')
  if (name === null) {
    const items = collections.map(({ name: each, rank, inputs, size, runs, lastChange }) => ({
      name: each,
      rank,
      inputs,
      size,
      runs,
      lastChange,
    }))
    return json({ revision, items })
  }
  const items = collections.filter((collection) => collection.name === name)
  if (items.length === 0) return notFound(`no collection ${JSON.stringify(name)}`)
  return json({ revision, items: plain(items) })
}

function answerExplain(request: AdminRequest, state: ControlState): AdminReply {
  const known = onlyParams(request.query, ['from', 'to', 'port', 'method', 'path', 'header'])
  const from = textParam(request.query, 'from')
  const to = textParam(request.query, 'to')
  const port: Result<number | undefined> = request.query.has('port')
    ? integerParam(request.query, 'port', { min: 1, max: 65_535 })
    : ok(undefined)
  if (!known.ok) return badRequest(known.error)
  if (!from.ok) return badRequest(from.error)
  if (!to.ok) return badRequest(to.error)
  if (!port.ok) return badRequest(port.error)
  const asked = askedRequest(request.query)
  if (!asked.ok) return badRequest(asked.error)
  const explanation = state.explain({
    from: from.value,
    to: to.value,
    port: port.value,
    ...(asked.value === undefined ? {} : { request: asked.value }),
  })
  return explanation.ok ? json(plain(explanation.value)) : notFound(explanation.error)
}

const maxHeaders = 100
const maxPathChars = 8192

/** `method`, `path` and any number of `header=name: value`; where none of them is there, nothing is asked. */
function askedRequest(query: URLSearchParams): Result<ExplainRequest['request']> {
  if (!['method', 'path', 'header'].some((name) => query.has(name))) return ok(undefined)
  const method = query.get('method') ?? 'GET'
  const path = query.get('path') ?? '/'
  const lines = query.getAll('header')
  if (path.length > maxPathChars) return err(`path: expected at most ${maxPathChars} characters`)
  if (lines.length > maxHeaders) return err(`header: expected at most ${maxHeaders} of them`)
  const headers: (readonly [string, string])[] = []
  for (const line of lines) {
    // `:authority` begins with one.
    const colon = line.indexOf(':', 1)
    if (colon < 0) return err(`header: expected name:value, found ${JSON.stringify(line)}`)
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()])
  }
  return ok({ method, path, headers })
}

async function answerWait(request: AdminRequest, state: ControlState, clock: Clock): Promise<AdminReply> {
  const known = onlyParams(request.query, ['revision', 'timeoutMs'])
  const revision = integerParam(request.query, 'revision', {
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    absent: state.graph.revision,
  })
  const timeout = integerParam(request.query, 'timeoutMs', { min: 0, max: maxWaitMs, absent: defaultWaitMs })
  if (!known.ok) return badRequest(known.error)
  if (!revision.ok) return badRequest(revision.error)
  if (!timeout.ok) return badRequest(timeout.error)
  using life = linkedController(request.signal)
  using _timer = clock.after(timeout.value, () => life.abort(new Error('the time is up')))
  const { applied, progress, missing } = await appliedEverywhere(state, revision.value, life.signal)
  const view: WaitView = {
    revision: revision.value,
    applied,
    nodes: progress.nodes.map(nodeView),
    missing,
    ...(applied && progress.slowestMs !== undefined ? { slowestMs: progress.slowestMs } : {}),
  }
  return json(view)
}

async function answerSync(
  request: AdminRequest,
  state: ControlState,
  lists: ControlLists,
): Promise<AdminReply> {
  const known = onlyParams(request.query, [])
  if (!known.ok) return badRequest(known.error)
  const revision = await state.sync()
  return json({ revision, problems: lists.problems().items })
}

function notFound(message: string): AdminReply {
  return { kind: 'error', status: 404, code: 'NOT_FOUND', message }
}
