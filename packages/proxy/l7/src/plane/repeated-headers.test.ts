import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { describe, it } from 'node:test'
import type { AccessPolicy } from '@tulle/access'
import type { HttpFilter, NamedMatch } from '@tulle/traffic'
import { backend, entry, rule, toBackend } from '../routing/test-requests.ts'
import { answered, exchange, okAnswer, onRequests, proxyIp, RawBackend, TestProxy } from './test-proxy.ts'

/**
 * A header that rules read, sent in every way that two of its values can be sent. The backend is any server: it may read the
 * first value or the last, join them, take a list apart, or merge what comes behind the payload.
 */

type Lines = readonly (readonly [name: string, value: string])[]
interface Sent {
  readonly head: Lines
  readonly trailers?: Lines
}

function policy(action: 'allow' | 'deny', name: string, value: NamedMatch['value']): AccessPolicy {
  return onRequests(action, action, { headers: [{ name, value }] })
}

const pattern = (source: string): NamedMatch['value'] => ({
  kind: 'pattern',
  pattern: { source, anchor: 'full' },
})
/** As a TrafficTarget lets in what a header of an HTTPRouteGroup covers. */
const readersOnly = policy('allow', 'x-role', pattern('reader[0-9]*'))
const noAdmin = policy('deny', 'x-role', { kind: 'exact', value: 'admin' })
const noPair = policy('deny', 'x-role', pattern('reader, ?admin'))
const noSession = policy('deny', 'cookie', { kind: 'exact', value: 'session=stolen' })

const roles = (...values: readonly string[]): Sent => ({ head: values.map((value) => ['x-role', value]) })
const cookies = (...values: readonly string[]): Sent => ({ head: values.map((value) => ['cookie', value]) })

const table: readonly (readonly [AccessPolicy, Sent, status: number])[] = [
  [readersOnly, roles('reader'), 200],
  [readersOnly, roles('reader', 'reader2'), 200],
  [readersOnly, roles('reader', 'admin'), 403],
  [readersOnly, roles('admin', 'reader'), 403],
  [readersOnly, roles('reader', 'admin', 'reader'), 403],
  [readersOnly, roles('reader, admin'), 403],
  [readersOnly, roles('reader', 'reader,admin'), 403],
  [readersOnly, roles('reader', ''), 403],
  [readersOnly, roles(), 403],
  [noAdmin, roles(), 200],
  [noAdmin, roles('reader', 'administrator'), 200],
  [noAdmin, roles('reader, administrator'), 200],
  [noAdmin, roles('admin'), 403],
  [noAdmin, roles('reader', 'admin'), 403],
  [noAdmin, roles('admin', 'reader'), 403],
  [noAdmin, roles('reader,admin'), 403],
  [noAdmin, roles('reader \t, \t admin'), 403],
  [noAdmin, roles('admin,'), 403],
  [noAdmin, roles('reader', 'guest, admin'), 403],
  [noPair, roles('reader', 'admin'), 403],
  [noPair, roles('admin', 'reader'), 200],
  [noSession, cookies('a=1; session=mine'), 200],
  [noSession, cookies('a=1; session=stolen'), 403],
  [noSession, cookies('a=1', 'session=stolen'), 403],
  [noSession, cookies('session=stolen', 'a=1'), 403],
]

const trailing: readonly (readonly [AccessPolicy, Sent, status: number])[] = [
  [readersOnly, { ...roles('reader'), trailers: [['x-role', 'reader2']] }, 200],
  [readersOnly, { ...roles('reader'), trailers: [['x-role', 'admin']] }, 403],
  [readersOnly, { ...roles(), trailers: [['x-role', 'reader']] }, 403],
  [noAdmin, { ...roles('reader'), trailers: [['x-check', 'admin']] }, 200],
  [noAdmin, { ...roles('reader'), trailers: [['x-role', 'admin']] }, 403],
  [noAdmin, { ...roles(), trailers: [['x-role', 'guest,admin']] }, 403],
  [noPair, { ...roles('reader'), trailers: [['x-role', 'admin']] }, 403],
]

/** Answers once the whole request is there. */
function afterTheEnd(text: string, socket: { write(text: string): void }): void {
  const isWhole = /^GET[^]*\r\n\r\n$/u.test(text) || /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n$/u.test(text)
  if (isWhole) socket.write(okAnswer)
}

const fieldLines = (lines: Lines): string => lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')

function overHttp1({ head, trailers }: Sent): string {
  const begin = `/ HTTP/1.1\r\nHost: a\r\n${fieldLines(head)}`
  if (trailers === undefined) return `GET ${begin}\r\n`
  return `POST ${begin}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${fieldLines(trailers)}\r\n`
}

async function askHttp1(port: number, bytes: string): Promise<number> {
  const enough = (text: string): boolean => answered(text) || text.includes('access denied')
  return Number((await exchange(port, bytes, enough)).slice(9, 12))
}

/** Values of one name as an array: Node sends a field for each. */
function asObject(lines: Lines): Record<string, string[]> {
  const names = new Set(lines.map(([name]) => name))
  const valuesOf = (name: string): string[] => lines.filter(([own]) => own === name).map(([, value]) => value)
  return Object.fromEntries([...names].map((name) => [name, valuesOf(name)]))
}

async function askHttp2(port: number, { head, trailers }: Sent): Promise<number> {
  const session = connect(`http://${proxyIp}:${port}`)
  session.on('error', () => undefined)
  try {
    const method = trailers === undefined ? 'GET' : 'POST'
    const options = { endStream: trailers === undefined, waitForTrailers: trailers !== undefined }
    const stream = session.request({ ':method': method, ':path': '/', ...asObject(head) }, options)
    stream.on('error', () => undefined)
    stream.on('wantTrailers', () => stream.sendTrailers(asObject(trailers ?? [])))
    if (trailers !== undefined) stream.end('hi')
    const [answer] = (await once(stream, 'response')) as [{ readonly ':status'?: number }]
    return answer[':status'] ?? 0
  } finally {
    session.destroy()
  }
}

/** What a rule and a request come to over one version of HTTP, each with a backend that has seen nothing yet. */
async function statusOf(
  access: AccessPolicy,
  sent: Sent,
  version: 1 | 2,
): Promise<readonly [number, string]> {
  await using back = await RawBackend.listen(afterTheEnd)
  await using proxy = await TestProxy.start({
    entries: toBackend,
    clusters: { 'test/back': [back.port] },
    access: [access],
    protocol: version === 1 ? 'http' : 'http2',
  })
  const status =
    version === 1 ? await askHttp1(proxy.port, overHttp1(sent)) : await askHttp2(proxy.port, sent)
  return [status, back.received.join('')]
}

describe('a header that comes several times', () => {
  for (const version of [1, 2] as const) {
    it(`case 13: over HTTP/${version} every value has to be allowed, and any that is denied refuses`, async () => {
      for (const [access, sent, expected] of table) {
        const [status, received] = await statusOf(access, sent, version)
        const what = `${access.name} ${JSON.stringify(access.rules)}: ${JSON.stringify(sent)}`
        assert.equal(status, expected, what)
        assert.equal(received === '', expected === 403, what)
      }
    })

    it(`case 13: over HTTP/${version} values behind the payload count, and those refused never leave`, async () => {
      for (const [access, sent, expected] of trailing) {
        const [status, received] = await statusOf(access, sent, version)
        const what = `${access.name} ${JSON.stringify(access.rules)}: ${JSON.stringify(sent)}`
        assert.equal(status, expected, what)
        const [, value = ''] = sent.trailers?.[0] ?? []
        assert.equal(received.includes(value), expected === 200, what)
      }
    })
  }

  it('case 13: a name in any case, and one that Connection would hide, is the same header', async () => {
    await using back = await RawBackend.listen(afterTheEnd)
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      access: [noAdmin, readersOnly],
    })
    const ask = (lines: string): Promise<number> =>
      askHttp1(proxy.port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)
    assert.equal(await ask('x-role: reader\r\nX-ROLE: admin\r\n'), 403)
    assert.equal(await ask('X-Role: reader\r\nx-rolE: admin\r\n'), 403)
    // It stays behind, so nobody was let in by it.
    assert.equal(await ask('Connection: x-role\r\nX-Role: reader\r\n'), 403)
    assert.deepEqual(back.received, [])
    assert.equal(await ask('X-Role: reader\r\nx-rolE: reader7\r\n'), 200)
  })

  it('case 13: once an answer has begun, refused values behind the payload break it off', async () => {
    await using back = await RawBackend.listen((text, socket) => {
      if (text.endsWith('hi\r\n')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no')
    })
    await using proxy = await TestProxy.start({
      entries: toBackend,
      clusters: { 'test/back': [back.port] },
      access: [noAdmin],
    })
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n'
    const socket = connectTcp({ host: proxyIp, port: proxy.port })
    socket.setEncoding('latin1')
    socket.on('error', () => undefined)
    let text = ''
    socket.on('data', (piece: string) => {
      text += piece
      if (text.endsWith('\r\n\r\no')) socket.write('0\r\nX-Role: admin\r\n\r\n')
    })
    socket.write(head)
    await once(socket, 'close')
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\no$/u)
    assert.doesNotMatch(back.received.join(''), /admin/u)
    await proxy.worker.flushLog()
    assert.match(proxy.logged.join(''), /"reason":"deny-rule"/u)
  })

  it('case 13: a copy gets no values behind the payload that its backend would refuse', async () => {
    const copied = Promise.withResolvers<void>()
    const over = Promise.withResolvers<void>()
    await using back = await RawBackend.listen(afterTheEnd)
    await using copy = await RawBackend.listen((text, socket) => {
      socket.once('close', () => over.resolve())
      if (text.endsWith('hi\r\n')) copied.resolve()
      if (/\r\n0\r\n[^]*\r\n$/u.test(text)) over.resolve()
    })
    const mirror: HttpFilter = {
      kind: 'mirror',
      backend: backend('copy').backend,
      fraction: { numerator: 1, denominator: 1 },
    }
    await using proxy = await TestProxy.start({
      entries: [entry({}, rule('back', { filters: [mirror] }))],
      clusters: { 'test/back': [back.port], 'test/copy': [copy.port] },
      access: [noAdmin],
    })
    const socket = connectTcp({ host: proxyIp, port: proxy.port })
    const end = '0\r\n\r\n'
    const whole = overHttp1({ head: [], trailers: [] })
    socket.write(whole.slice(0, -end.length))
    await copied.promise
    socket.end('0\r\nX-Role: admin\r\n\r\n')
    await over.promise
    assert.match(copy.received.join(''), /hi\r\n$/u)
    socket.destroy()
  })
})
