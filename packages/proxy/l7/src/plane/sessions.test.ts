import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SessionPersistence } from '@tulle/traffic'
import { backend, entry, rule } from '../routing/test-requests.ts'
import { answered, answering, exchange, RawBackend, TestProxy } from './test-proxy.ts'

const cookie: SessionPersistence = { kind: 'cookie', name: 'stay', absoluteTimeoutMs: 0 }
const header: SessionPersistence = { kind: 'header', name: 'X-Stay', absoluteTimeoutMs: 0 }

function answerOf(name: string): string {
  return `HTTP/1.1 200 OK\r\nx-by: ${name}\r\ncontent-length: 2\r\n\r\nok`
}

async function ask(
  proxy: TestProxy,
  line: string = '',
): Promise<{ readonly by: string; readonly text: string }> {
  const text = await exchange(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n`, answered)
  return { by: /x-by: (.*)\r\n/u.exec(text)?.[1] ?? text, text }
}

function tokenIn(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? assert.fail(text)
}

describe('sessions', () => {
  for (const [kind, session, pattern, lineOf] of [
    [
      'a cookie',
      cookie,
      /set-cookie: stay=([^;]*); Path=\/; HttpOnly\r\n/u,
      (token: string) => `Cookie: a=b; stay=${token}`,
    ],
    ['a header', header, /x-stay: (.*)\r\n/u, (token: string) => `X-Stay: ${token}`],
  ] as const) {
    it(`keeps a client with its endpoint by ${kind}, and says it once`, async () => {
      await using one = await RawBackend.listen(answering(answerOf('one')))
      await using two = await RawBackend.listen(answering(answerOf('two')))
      await using proxy = await TestProxy.start({
        entries: [entry({}, rule('back', { session }))],
        clusters: { 'test/back': [one.port, two.port] },
      })
      const first = await ask(proxy)
      const token = tokenIn(first.text, pattern)
      for (let i = 0; i < 4; i++) {
        const again = await ask(proxy, `${lineOf(token)}\r\n`)
        assert.equal(again.by, first.by)
        assert.doesNotMatch(again.text, pattern)
      }
      const others = await Promise.all([ask(proxy), ask(proxy)])
      assert.equal(new Set(others.map(({ by }) => by)).size, 2, 'who has no session is balanced')
    })
  }

  it('is known to every worker of the same secret, and to no other', async () => {
    await using one = await RawBackend.listen(answering(answerOf('one')))
    await using two = await RawBackend.listen(answering(answerOf('two')))
    const plan = {
      entries: [entry({}, rule('back', { session: header }))],
      clusters: { 'test/back': [one.port, two.port] },
    }
    const sessionSecret = Buffer.alloc(32, 7)
    const first = await TestProxy.start({ ...plan, sessionSecret })
    const { port } = first
    const { by, text } = await ask(first)
    await first[Symbol.asyncDispose]()
    const line = `X-Stay: ${tokenIn(text, /x-stay: (.*)\r\n/u)}\r\n`
    const answers = async (proxy: TestProxy): Promise<ReadonlySet<string>> =>
      new Set([(await ask(proxy, line)).by, (await ask(proxy, line)).by])
    const second = await TestProxy.start({ ...plan, port, sessionSecret })
    assert.deepEqual(await answers(second), new Set([by]))
    await second[Symbol.asyncDispose]()
    await using stranger = await TestProxy.start({ ...plan, port })
    assert.equal((await answers(stranger)).size, 2)
  })

  it('goes before weights, also before a weight of 0', async () => {
    await using one = await RawBackend.listen(answering(answerOf('one')))
    await using two = await RawBackend.listen(answering(answerOf('two')))
    const clusters = { 'test/one': [one.port], 'test/two': [two.port] }
    const weighted = (weight: number): Parameters<typeof rule>[1] => ({
      session: cookie,
      backends: [backend('one', weight), backend('two', 1 - weight)],
    })
    const entries = [
      entry({ path: { kind: 'exact', path: '/first' } }, rule('x', weighted(1))),
      entry({}, rule('x', weighted(0))),
    ]
    await using proxy = await TestProxy.start({ entries, clusters })
    const text = await exchange(proxy.port, 'GET /first HTTP/1.1\r\nHost: a\r\n\r\n', answered)
    const token = tokenIn(text, /stay=([^;]*);/u)
    assert.equal((await ask(proxy)).by, 'two')
    assert.equal((await ask(proxy, `Cookie: stay=${token}\r\n`)).by, 'one')
  })

  it('takes no token that it did not give out, and gives a new one', async () => {
    await using one = await RawBackend.listen(answering(answerOf('one')))
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { session: cookie }))],
      clusters: { 'test/back': [one.port] },
    })
    const { text } = await ask(proxy)
    const token = tokenIn(text, /stay=([^;]*);/u)
    const forged = `${token.startsWith('A') ? 'B' : 'A'}${token.slice(1)}`
    for (const wrong of [forged, '', 'x'.repeat(40), `"${token}"`])
      assert.match((await ask(proxy, `Cookie: stay=${wrong}\r\n`)).text, /set-cookie: stay=/u)
  })

  it('begins anew where the endpoint of a session can not be reached', async () => {
    const one = await RawBackend.listen(answering(answerOf('one')))
    await using two = await RawBackend.listen(answering(answerOf('two')))
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { session: cookie }))],
      clusters: { 'test/back': [one.port, two.port] },
    })
    let first = await ask(proxy)
    while (first.by !== 'one') first = await ask(proxy)
    const token = tokenIn(first.text, /stay=([^;]*);/u)
    await one[Symbol.asyncDispose]()
    const moved = await ask(proxy, `Cookie: stay=${token}\r\n`)
    assert.equal(moved.by, 'two')
    assert.match(moved.text, /set-cookie: stay=/u)
  })
})
