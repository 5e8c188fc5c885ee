import { equal } from 'node:assert/strict'
import { test } from 'node:test'

import type { RequestHead, ResponseHead } from './exchange.ts'
import { ClientBench, Recorder, ServerBench } from './test-support.ts'

/** What leaves for the server when this came from a client, and was changed on the way. */
async function forwarded(
  text: string,
  change: (head: RequestHead) => void,
  pieceBytes: number,
): Promise<string> {
  const server = new ServerBench()
  const client = new ClientBench()
  server.send(text, pieceBytes)
  const { head, end } = server.last()
  change(head)
  client.client.request(head, new Recorder(), end)
  return await client.sent()
}

/** What leaves for the client when this came from a server, and was changed on the way. */
async function answered(
  text: string,
  change: (head: ResponseHead) => void,
  pieceBytes: number,
): Promise<string> {
  const client = new ClientBench()
  const server = new ServerBench()
  server.send('GET / HTTP/1.1\r\nHost: books\r\n\r\n')
  const { exchange } = server.last()
  const handler = new Recorder()
  handler.onResponse = (head, end) => {
    change(head)
    exchange.respond(head, end)
  }
  client.client.request(server.last().head, handler, true)
  client.send(text, pieceBytes)
  return await server.answers()
}

type Row<Head> = readonly [name: string, text: string, sent: string, change?: (head: Head) => void]

const unchanged = (): void => undefined

const requests: readonly Row<RequestHead>[] = [
  [
    'as it came, Host in its place',
    'GET /a?b HTTP/1.1\r\nA: b\r\nHOST: Books:80\r\nc:d \r\n\r\n',
    'GET /a?b HTTP/1.1\r\nA: b\r\nHOST: Books:80\r\nc:d \r\n\r\n',
  ],
  ['nothing but Host', 'GET / HTTP/1.1\r\nHost: b\r\n\r\n', 'GET / HTTP/1.1\r\nHost: b\r\n\r\n'],
  [
    'without what concerns the connection',
    'GET / HTTP/1.1\r\nConnection: keep-alive, x\r\nX: y\r\nA: b\r\nTE: trailers\r\nHost: b\r\nKeep-Alive: 5\r\n\r\n',
    'GET / HTTP/1.1\r\nA: b\r\nHost: b\r\n\r\n',
  ],
  [
    'a field is taken away, and one added',
    'GET / HTTP/1.1\r\nHost: b\r\nA: b\r\nC: d\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: b\r\nC: d\r\ne: f\r\n\r\n',
    ({ fields }) => {
      fields.remove('a')
      fields.append('e', 'f')
    },
  ],
  [
    'another path',
    'GET /a HTTP/1.1\r\nA: b\r\nHost: b\r\n\r\n',
    'GET /b HTTP/1.1\r\nhost: b\r\nA: b\r\n\r\n',
    (head) => (head.path = '/b'),
  ],
  [
    'another host',
    'GET / HTTP/1.1\r\nA: b\r\nHost: b\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: c\r\nA: b\r\n\r\n',
    (head) => (head.authority = 'c'),
  ],
  [
    'another method',
    'HEAD / HTTP/1.1\r\nHost: b\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: b\r\n\r\n',
    (head) => (head.method = 'GET'),
  ],
  ['absolute form', 'GET http://b/a HTTP/1.1\r\nHost: b\r\n\r\n', 'GET /a HTTP/1.1\r\nhost: b\r\n\r\n'],
  ['version 1.0', 'GET / HTTP/1.0\r\nHost: b\r\n\r\n', 'GET / HTTP/1.1\r\nhost: b\r\n\r\n'],
  ['an empty line in front', '\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n', 'GET / HTTP/1.1\r\nHost: b\r\n\r\n'],
  ['no blank before the host', 'GET / HTTP/1.1\r\nHost:b\r\n\r\n', 'GET / HTTP/1.1\r\nhost: b\r\n\r\n'],
  ['a tab before the host', 'GET / HTTP/1.1\r\nHost:\tb\r\n\r\n', 'GET / HTTP/1.1\r\nhost: b\r\n\r\n'],
  ['a blank behind the host', 'GET / HTTP/1.1\r\nHost: b \r\n\r\n', 'GET / HTTP/1.1\r\nhost: b\r\n\r\n'],
  [
    'a tab before the host, a blank behind it',
    'GET / HTTP/1.1\r\nHost:b \r\n\r\n',
    'GET / HTTP/1.1\r\nhost: b\r\n\r\n',
  ],
  ['the server itself', 'OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n'],
  [
    'content has a length of its own',
    'POST / HTTP/1.1\r\nHost: b\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: b\r\ncontent-length: 0\r\n\r\n',
  ],
  [
    'an upgrade',
    'GET / HTTP/1.1\r\nHost: b\r\nConnection: upgrade\r\nUpgrade: websocket\r\nA: b\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: b\r\nA: b\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  ],
]

const answers: readonly Row<ResponseHead>[] = [
  [
    'as it came',
    'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'without what concerns the connection',
    'HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nA: b\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n',
  ],
  ['no fields', 'HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'],
  [
    'a phrase of its own stays behind',
    'HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'a phrase as long as ours',
    'HTTP/1.1 200 Ok\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'version 1.0',
    'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ],
  ['no phrase', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  [
    'another status',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    "HTTP/1.1 418 I'm a Teapot\r\nContent-Length: 0\r\n\r\n",
    (head) => (head.status = 418),
  ],
  [
    'a field is taken away, and one added',
    'HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\na: b\r\n\r\n',
    ({ fields }) => fields.set('a', 'b') ?? fields.remove('server'),
  ],
]

for (const pieceBytes of [Infinity, 1]) {
  const way = pieceBytes === 1 ? 'octet by octet' : 'in one piece'
  for (const [name, text, sent, change = unchanged] of requests)
    test(`a request is forwarded, ${way}: ${name}`, async () => {
      equal(await forwarded(text, change, pieceBytes), sent)
    })
  for (const [name, text, sent, change = unchanged] of answers)
    test(`an answer is forwarded, ${way}: ${name}`, async () => {
      equal(await answered(text, change, pieceBytes), sent)
    })
}

test('a copy of a head is sent as it came, whatever becomes of the first', async () => {
  const server = new ServerBench()
  server.send('GET / HTTP/1.1\r\nA: b\r\nHost: b\r\n\r\n')
  const { head } = server.last()
  const copy = { ...head, fields: head.fields.copy() }
  head.fields.remove('a')
  const client = new ClientBench()
  client.client.request(copy, new Recorder(), true)
  equal(await client.sent(), 'GET / HTTP/1.1\r\nA: b\r\nHost: b\r\n\r\n')
})

test('a head longer than any batch is sent piece by piece', async () => {
  const long = `L: ${'x'.repeat(40_000)}\r\n`
  const limits = { maxHeaderBytes: 200_000 }
  const server = new ServerBench(limits)
  server.send(`GET / HTTP/1.1\r\n${long}Keep-Alive: 5\r\n${long}Host: b\r\n${long}\r\n`)
  const client = new ClientBench()
  client.client.request(server.last().head, new Recorder(), true)
  equal(await client.sent(), `GET / HTTP/1.1\r\n${long}${long}Host: b\r\n${long}\r\n`)
})
