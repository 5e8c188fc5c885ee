import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, beforeEach, test } from 'node:test'
import { TestClock } from '@tulle/core'
import { closeFd, duplicateFd, listenPackets, listenTcp, newNetns, socketKeeper } from '@tulle/kernel'
import type { SocketKeeper, ZdsWorkload } from '@tulle/kernel'
import type { EnrolledWorkload, ListenerRole, ListeningSocket } from '@tulle/l4'
import { silentLog } from '@tulle/runtime'
import { KeptSockets } from './kept-sockets.ts'

const netns = newNetns()
after(() => closeFd(netns))
let folder = ''
let path = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tulle-kept-'))
  path = join(folder, 'keeper.sock')
})
afterEach(() => rmSync(folder, { recursive: true }))

const ports = { outbound: 15_001, hbone: 15_008, plaintext: 15_006 } as const
const books: ZdsWorkload = {
  uid: 'books',
  namespace: 'bookstore',
  name: 'books',
  serviceAccount: 'b',
  netns,
}

/** A process with a data path that only listens. */
class Process implements Disposable {
  readonly said: string[] = []
  readonly kept: KeptSockets
  /** Resolves when state and certificates are there. */
  readonly state: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #listening: ListeningSocket[] = []

  constructor(clock: TestClock) {
    this.kept = new KeptSockets({ path, node: 'node-1' }, { dataPlane: this, clock, log: silentLog })
  }

  async addWorkload({ held }: EnrolledWorkload): Promise<void> {
    this.said.push(held === true ? 'held' : 'added')
    await this.state.promise
  }

  async adoptListeners(_uid: string, sockets: readonly ListeningSocket[]): Promise<void> {
    this.said.push(`adopted ${sockets.map(({ role }) => role).join(' ')}`)
    this.#listening.push(...sockets)
  }

  async release(): Promise<void> {
    for (const role of Object.keys(ports) as ListenerRole[]) if (!this.#has(role)) this.#open(role)
  }

  async exportListeners(): Promise<readonly ListeningSocket[]> {
    return this.#listening.map((socket) => ({ ...socket, fd: duplicateFd(socket.fd) }))
  }

  [Symbol.dispose](): void {
    this.kept[Symbol.dispose]()
    for (const { fd } of this.#listening) closeFd(fd)
  }

  #has(role: ListenerRole): boolean {
    return this.#listening.some((socket) => socket.role === role)
  }

  #open(role: ListenerRole): void {
    this.said.push(`opened ${role}`)
    const port = ports[role]
    const fd = listenTcp({ netns, address: '0.0.0.0', port, reusePort: true })
    this.#listening.push({ role, worker: 0, address: { ip: '0.0.0.0', port }, fd })
  }
}

function keeperOn(clock: TestClock): SocketKeeper {
  return socketKeeper({ path, node: 'node-1', clock })
}

const opensAll = ['held', 'adopted ', 'opened outbound', 'opened hbone', 'opened plaintext']

test('case 39: the next process accepts from what the one before left, when its state is there', async () => {
  const clock = new TestClock()
  using keeper = keeperOn(clock)
  {
    using before = new Process(clock)
    before.state.resolve()
    await before.kept.serve(books)
    await before.kept.bring('books')
    assert.deepEqual(before.said, opensAll)
  }
  using next = new Process(clock)
  const serving = next.kept.serve(books)
  assert.deepEqual([next.said, keeper.sockets], [['held'], 3])
  next.state.resolve()
  await serving
  assert.deepEqual(next.said, ['held', 'adopted outbound hbone plaintext'])
  await next.kept.forget('books')
  assert.equal(keeper.sockets, 0)
})

test('case 39: sockets of another namespace are not accepted from, and not kept any longer', async () => {
  const clock = new TestClock()
  using keeper = keeperOn(clock)
  {
    using before = new Process(clock)
    before.state.resolve()
    await before.kept.serve(books)
    await before.kept.bring('books')
  }
  const elsewhere = newNetns()
  using next = new Process(clock)
  next.state.resolve()
  await next.kept.serve({ ...books, netns: elsewhere })
  await next.kept.bring('books')
  closeFd(elsewhere)
  assert.deepEqual(next.said, opensAll)
  assert.equal(keeper.sockets, 3)
})

test('without a keeper workloads are served as ever, and one that comes is brought what there is', async () => {
  const clock = new TestClock()
  using only = new Process(clock)
  only.state.resolve()
  await only.kept.serve(books)
  assert.deepEqual(only.said, opensAll)
  using keeper = keeperOn(clock)
  await clock.advance(5000)
  await only.kept.bring('books')
  assert.equal(keeper.sockets, 3)
})

test('a keeper that does not answer keeps a workload closed: half of its connections might wait there', async () => {
  const clock = new TestClock()
  using _silent = listenPackets(path, () => undefined)
  using only = new Process(clock)
  only.state.resolve()
  const serving = assert.rejects(only.kept.serve(books), /the keeper of the listening sockets is gone/u)
  await clock.advance(2000)
  await serving
  assert.deepEqual(only.said, ['held'])
})

test('a process that has left brings nothing, and takes nothing away', async () => {
  const clock = new TestClock()
  using keeper = keeperOn(clock)
  using before = new Process(clock)
  before.state.resolve()
  await before.kept.serve(books)
  await before.kept.bring('books')
  before.kept[Symbol.dispose]()
  await before.kept.bring('books')
  await before.kept.forget('books')
  assert.equal(keeper.sockets, 3)
})
