import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import type { Worker } from 'node:worker_threads'
import { MeshError } from '@tulle/core'
import { silentLog } from '../log.ts'
import type { LogFields } from '../log.ts'
import { beginThread } from './begin-thread.ts'
import { CommandThread } from './command-thread.ts'
import type { TestCommands } from './test-thread.ts'

const start = { entry: new URL('./test-thread.ts', import.meta.url), name: 'test' }
const beginTestThread = (): Worker => beginThread(start)

class TestThread implements AsyncDisposable {
  readonly said: string[] = []
  readonly warnings: (readonly [string, LogFields | undefined])[] = []
  readonly lines: string[] = []
  readonly failed: PromiseWithResolvers<MeshError> = Promise.withResolvers()
  readonly thread: CommandThread<TestCommands, string, MeshError>
  #next: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(begun: Worker = beginTestThread()) {
    this.thread = new CommandThread(
      { begun, settings: 'a setting' },
      {
        log: { ...silentLog, warn: (message, fields) => void this.warnings.push([message, fields]) },
        errors: {
          refused: (code, message) => new MeshError<string>(`THERE_${code}`, message),
          ended: (why) => new MeshError<string>('ENDED', why),
          closed: () => new MeshError<string>('CLOSED', 'it was closed'),
        },
        onSaid: (said) => {
          this.said.push(said)
          this.#next.resolve()
          this.#next = Promise.withResolvers()
        },
        onAccessLog: (lines, done) => {
          this.lines.push(Buffer.from(lines).toString())
          done()
        },
        onFailed: (error) => this.failed.resolve(error),
      },
    )
  }

  /** Resolves when the thread has said it. */
  async hears(what: string): Promise<void> {
    while (!this.said.includes(what)) await this.#next.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.thread.close().catch(() => undefined)
  }
}

describe('CommandThread', () => {
  it('takes a thread that was begun before, once it runs', async () => {
    const begun = beginTestThread()
    await once(begun, 'online')
    await using test = new TestThread(begun)
    assert.equal(await test.thread.call('double', 4), 8)
    await test.thread.call('warn', 'with its setting')
    assert.deepEqual(test.warnings, [['with its setting', { thread: 'a setting', a: 1 }]])
  })

  it('gives answers to whom they belong, and errors with their codes', async () => {
    await using test = new TestThread()
    const { thread } = test
    const answers = await Promise.all([1, 2, 3].map((value) => thread.call('double', value)))
    assert.deepEqual(answers, [2, 4, 6])
    await assert.rejects(thread.call('refuse', 'NO_ROOM'), {
      code: 'THERE_NO_ROOM',
      message: 'refused as NO_ROOM',
    })
    await thread.call('warn', 'beware')
    assert.deepEqual(test.warnings, [['beware', { thread: 'a setting', a: 1 }]])
  })

  it('is not broken off in the middle of a turn when it is closed', async () => {
    const test = new TestThread()
    const progress = new Int32Array(new SharedArrayBuffer(4))
    await test.thread.call('workLate', progress)
    await test.thread.close()
    assert.notEqual(progress[0], 1)
  })

  it('takes slices one by one, and ends those that nobody takes', async () => {
    await using test = new TestThread()
    const { thread } = test
    assert.deepEqual(await Array.fromAsync(thread.slices('numbers', 3)), [0, 1, 2])
    await test.hears('numbers below 3 are over')
    for await (const value of thread.slices('numbers', 1000)) if (value === 2) break
    await test.hears('numbers below 1000 are over')
    const [one, other] = [thread.slices('numbers', 10), thread.slices('numbers', 20)]
    assert.deepEqual(
      [(await one.next()).value, (await other.next()).value, (await one.next()).value],
      [0, 0, 1],
    )
    await Promise.all([one.return(), other.return()])
    await Promise.all([test.hears('numbers below 10 are over'), test.hears('numbers below 20 are over')])
  })

  it('ends slices over there when the signal aborts, also while it waits for one', async () => {
    await using test = new TestThread()
    const stop = new AbortController()
    const waiting = test.thread.slices('nothing', undefined, stop.signal).next()
    stop.abort()
    assert.equal((await waiting).done, true)
    await test.hears('nobody waits')
    const late = test.thread.slices('numbers', 7, stop.signal)
    assert.equal((await late.next()).done, true)
  })

  it('hands on lines of the access log whose buffers come back, and before the answer to what wrote them', async () => {
    await using test = new TestThread()
    for (const count of [1, 20_000, 20_000]) await test.thread.call('writeLines', count)
    assert.deepEqual(
      test.lines.map((lines) => lines.length),
      [5, 100_000, 100_000],
    )
    assert.ok(test.lines.every((lines) => lines.replaceAll('line\n', '') === ''))
  })

  it('tells of a thread that ended by itself, and refuses whoever waits for it or comes later', async () => {
    await using test = new TestThread()
    const waiting = test.thread.slices('nothing', undefined).next()
    const refused = assert.rejects(waiting, { code: 'ENDED', message: 'exit code 3' })
    await assert.rejects(test.thread.call('die', 3), { code: 'ENDED' })
    await refused
    assert.equal((await test.failed.promise).message, 'exit code 3')
    await assert.rejects(test.thread.call('double', 1), { code: 'ENDED' })
  })

  it('closes what the thread has, once, and nothing of that is a failure', async () => {
    const test = new TestThread()
    let isFailed = false
    void test.failed.promise.then(() => (isFailed = true))
    await test.thread.close()
    await test.thread.close()
    assert.deepEqual(test.said, ['closed'])
    await assert.rejects(test.thread.call('double', 1), { code: 'CLOSED' })
    assert.equal(isFailed, false)
  })
})
