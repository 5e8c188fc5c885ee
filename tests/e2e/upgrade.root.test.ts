import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ProcessView } from '@tulle/node'
import { adminClient } from '../../apps/tulle/src/admin-client.ts'
import type { UpgradeEvent } from '../../apps/tulle/src/up/upgrade-node.ts'
import type { Agent } from '../support/agent-client.ts'
import { labManifests, meshManifest, targetManifest } from '../support/lab.ts'
import type { Mesh } from '../support/mesh.ts'
import { MeshFolder } from '../support/mesh.ts'
import { until } from '../support/waiting.ts'

/** A node proxy is replaced while its workloads talk: nobody who calls notices, and nobody gets in who may not. */

/** `STREAMS=10000` for a run by hand; the deadline leaves time to ask each of them. */
const streams = Number(process.env['STREAMS'] ?? 200)
const drain = `${6 + Math.ceil(streams / 200)}s`
const folder = new MeshFolder({
  manifests: {
    'mesh.yaml': meshManifest({ mtls: 'permissive', access: 'enforce-selected' }),
    'access.yaml': targetManifest('server', ['friend', 'caller']),
    ...labManifests([
      { name: 'server', node: 'node-2' },
      { name: 'friend' },
      { name: 'caller' },
      { name: 'guest' },
    ]),
  },
  args: ['--handover-drain', drain],
})
let mesh: Mesh
let friend: Agent
let caller: Agent
let guest: Agent

before(async () => {
  mesh = await folder.start()
  await mesh.agent('server')
  friend = await mesh.agent('friend')
  caller = await mesh.agent('caller')
  guest = await mesh.agent('guest')
  await mesh.settle()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const place = { host: 'server', port: 8080 }
const stream = (i: number): string => `stream ${i}`

function processOf(node: string): Promise<ProcessView> {
  return adminClient(folder.state.node(node).adminSocket).get<ProcessView>('/v1/process')
}

/** All at once would only measure the queues of the test's own agent. */
async function each(count: number, run: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++)
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

async function openStreams(): Promise<void> {
  await each(streams, async (i) => {
    const outcome = await friend.do('open', { id: stream(i), ...place })
    assert.equal(outcome.ok, true, outcome.error)
  })
}

async function streamsAnswer(from: number, to: number): Promise<void> {
  await each(to - from, async (i) => {
    const outcome = await friend.do('echo', { id: stream(from + i), text: 'still here' })
    assert.equal(outcome.ok, true, `${stream(from + i)}: ${outcome.error}`)
  })
}

/** The events of an upgrade, one at a time. */
function upgrade(node: string, more: Readonly<Record<string, string>> = {}): AsyncIterator<UpgradeEvent> {
  const query = new URLSearchParams({ node, ...more })
  return mesh.up.follow<UpgradeEvent>(`/v1/upgrade?${query.toString()}`)[Symbol.asyncIterator]()
}

async function next<Kind extends UpgradeEvent['kind']>(
  events: AsyncIterator<UpgradeEvent>,
  kind: Kind,
): Promise<Extract<UpgradeEvent, { readonly kind: Kind }>> {
  const { value, done } = await events.next()
  assert.equal(done === true ? 'the end' : value.kind, kind, JSON.stringify(value))
  return value as Extract<UpgradeEvent, { readonly kind: Kind }> // its kind was looked at
}

interface AccessLine {
  readonly direction: string
  readonly verdict: string
  readonly trace?: string
  readonly 'src.workload'?: string
}

function accessLines(node: string): readonly AccessLine[] {
  const text = readFileSync(join(folder.state.logs, `${node}.access.log`), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AccessLine) // the product's own lines
}

describe('a node proxy that is upgraded under load', () => {
  for (const [node, side] of [
    ['node-2', 'of the server'],
    ['node-1', 'of the callers'],
  ] as const) {
    test(`case 40: the proxy ${side}: new connections never fail, open ones live to the deadline`, async (t) => {
      const before = await processOf(node)
      const since = accessLines('node-2').length
      await openStreams()
      await caller.do('startTraffic', { ...place, everyMs: 1, kept: 0 })
      const events = upgrade(node)
      await next(events, 'started')
      const taken = await next(events, 'took-over')
      assert.ok(
        taken.connections >= streams,
        `${taken.connections} open connections stay with the old process`,
      )
      assert.notEqual((await processOf(node)).pid, before.pid)
      await streamsAnswer(0, streams)
      // Peers were told (GOAWAY), so what is opened now runs over a session with the new process.
      assert.equal((await friend.do('open', { id: 'new', ...place })).ok, true)
      assert.equal((await guest.call('server')).ok, false)
      for (let i = 0; i < streams / 2; i++) await friend.do('close', { id: stream(i) })
      await streamsAnswer(streams / 2, streams)
      const drained = await next(events, 'drained')
      assert.equal(drained.cut, streams / 2, 'those that were still open at the deadline are cut')
      assert.equal((await friend.do('closed', { id: stream(streams - 1) })).closed, true)
      assert.equal((await friend.do('echo', { id: 'new', text: 'not cut' })).ok, true)
      await friend.do('close', { id: 'new' })

      const { records } = await caller.do('stopTraffic', {})
      const failed = records.filter(({ ok }) => !ok)
      t.diagnostic(
        `${records.length} new connections, ${failed.length} failed; taken over after ${taken.tookMs} ms with ${taken.connections} open, drained after ${drained.afterMs} ms`,
      )
      assert.ok(records.length > 50, `${records.length} connections were made meanwhile`)
      assert.deepEqual(failed, [], `of ${records.length} connections`)
      await decidedOnce({ since, calls: records.length })
    })
  }

  test('case 40: every inherited socket is accepted from, with more and with fewer workers than before', async () => {
    for (const workers of [3, 1, 2]) {
      const events = upgrade('node-1', { workers: String(workers) })
      await next(events, 'started')
      await next(events, 'took-over')
      assert.equal((await processOf('node-1')).workers, workers)
      // The kernel spreads what a workload calls over all the sockets of its namespace.
      for (let i = 0; i < 40; i++) {
        const outcome = await caller.call('server')
        assert.equal(outcome.ok, true, `${workers} workers: ${outcome.error}`)
      }
      await next(events, 'drained')
    }
  })

  test('case 40: policy that changes while an old process drains holds for what is open there', async () => {
    const opened = await caller.do('open', { id: 'kept', ...place })
    assert.equal(opened.ok, true, opened.error)
    const events = upgrade('node-2')
    await next(events, 'started')
    await next(events, 'took-over')
    assert.equal((await caller.do('echo', { id: 'kept', text: 'allowed' })).ok, true)
    folder.write('access.yaml', targetManifest('server', ['friend']))
    await mesh.settle()
    assert.equal((await caller.do('closed', { id: 'kept' })).closed, true)
    assert.equal((await next(events, 'drained')).cut, 0)
    folder.write('access.yaml', targetManifest('server', ['friend', 'caller']))
    await mesh.settle()
  })

  test('case 40: a workload that changes while an old process drains is known to the new one alone', async () => {
    const events = upgrade('node-2')
    await next(events, 'started')
    await next(events, 'took-over')
    const text = folder.read('server.yaml')
    const since = mesh.lines.mark
    folder.write('server.yaml', '')
    await mesh.lines.find(/ server +stopped: its manifest was removed/u, { since })
    folder.write('server.yaml', text)
    await mesh.lines.find(/ server +agent server/u, { since })
    await until(
      async () => ((await friend.call('server')).ok ? true : undefined),
      () => 'friend is not answered',
    )
    await next(events, 'drained')
    for (let i = 0; i < 8; i++) assert.equal((await friend.call('server')).ok, true)
  })

  test('case 40: roll back: a new process that fails changes nothing, and the command says why', async () => {
    const broken = join(folder.root, 'broken.mjs')
    writeFileSync(broken, 'console.error("tulle: it was built wrongly"); process.exitCode = 3\n')
    const { pid } = await processOf('node-2')
    assert.equal((await friend.do('open', { id: 'kept', ...place })).ok, true)
    await caller.do('startTraffic', { ...place, everyMs: 5, kept: 1 })
    const result = await folder.tulle('upgrade', 'node-2', '--program', broken)
    const { records } = await caller.do('stopTraffic', {})
    assert.equal(result.exitCode, 1, result.stderr)
    assert.match(result.stdout, /node-2: not upgraded, the process that ran goes on: it was built wrongly/u)
    assert.deepEqual(
      records.filter(({ ok }) => !ok),
      [],
    )
    assert.equal((await processOf('node-2')).pid, pid)
    assert.equal((await friend.do('echo', { id: 'kept', text: 'never noticed' })).ok, true)
    await friend.do('close', { id: 'kept' })
  })

  test('case 40: a process that takes over and is killed afterwards is started again, without taking over', async () => {
    const events = upgrade('node-2')
    await next(events, 'started')
    await next(events, 'took-over')
    const since = mesh.lines.mark
    process.kill(await mesh.pidOf('node-2'), 'SIGKILL')
    await mesh.lines.find(/ node-2 +was killed by SIGKILL; starting it again/u, { since })
    await mesh.lines.find(/ node-2 +node proxy runs/u, { since })
    await until(
      async () => ((await friend.call('server')).ok ? true : undefined),
      () => 'friend is not answered',
    )
    assert.equal((await guest.call('server')).ok, false)
  })
})

/** Each connection has a trace of its own, so one that two processes had decided would be there twice. */
async function decidedOnce({ since, calls }: { since: number; calls: number }): Promise<void> {
  const inbound = (): readonly AccessLine[] =>
    accessLines('node-2')
      .slice(since)
      .filter(({ direction }) => direction === 'inbound')
  const from = (name: string): readonly AccessLine[] =>
    inbound().filter((line) => line['src.workload'] === name)
  await until(
    () => (from('caller').length >= calls ? true : undefined),
    () => `${from('caller').length} of ${calls} connections are in the log`,
  )
  assert.equal(from('caller').length, calls)
  const traces = inbound().map(({ trace }) => trace)
  assert.equal(new Set(traces).size, traces.length)
  assert.deepEqual(
    [...new Set(from('guest').map(({ verdict }) => verdict))],
    ['refused'],
    'whoever may not is refused by whichever process it comes to',
  )
}
