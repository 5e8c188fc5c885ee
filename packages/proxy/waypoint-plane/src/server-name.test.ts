import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { readHello } from './server-name.ts'
import { tlsEntryFor } from './tls-routes.ts'

/** The first bytes that OpenSSL sends. */
async function helloFor(servername: string): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // Listening on TCP.
  const { port } = server.address() as AddressInfo
  const client = connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false })
  client.on('error', () => undefined)
  const [socket] = await once(server, 'connection')
  const [bytes] = await once(socket, 'data')
  socket.destroy()
  client.destroy()
  server.close()
  return bytes
}

test('readHello() finds the name that a client of TLS asks for, in lower case', async () => {
  assert.deepEqual(readHello(await helloFor('A.Shop.Example')), {
    kind: 'hello',
    serverName: 'a.shop.example',
  })
  assert.deepEqual(readHello(await helloFor('')), { kind: 'hello' })
})

test('readHello() waits at every byte for the rest, and then says the same', async () => {
  const hello = await helloFor('books.shop.example')
  for (let length = 0; length < hello.length; length++)
    assert.equal(readHello(hello.subarray(0, length)).kind, 'more', `${length} of ${hello.length} bytes`)
  assert.equal(readHello(hello).kind, 'hello')
})

test('readHello() puts a hello together that was cut into records', async () => {
  const hello = await helloFor('books.shop.example')
  const body = hello.subarray(5)
  const records = [body.subarray(0, 3), body.subarray(3, 50), body.subarray(50)].map((part) =>
    Buffer.concat([Buffer.of(22, 3, 1, part.length >> 8, part.length & 0xff), part]),
  )
  assert.deepEqual(readHello(Buffer.concat(records)), { kind: 'hello', serverName: 'books.shop.example' })
})

test('case 34: readHello() takes nothing else for a hello, however it is cut off or changed', async () => {
  for (const text of ['GET / HTTP/1.1', '\0\0\0\0\0\0', '\x16\x02\x00\x00\x05hello'])
    assert.equal(readHello(Buffer.from(text, 'latin1')).kind, 'other', text)
  const hello = await helloFor('books.shop.example')
  for (let at = 0; at < hello.length; at++) {
    const changed = Buffer.from(hello)
    changed[at] = (changed[at] ?? 0) ^ 0xff
    readHello(changed)
  }
})

const entry = (
  name: string,
  hostnames: readonly string[],
): Parameters<typeof tlsEntryFor>[0]['entries'][number] => ({
  hostnames,
  origin: { kind: 'TLSRoute', namespace: 'shop', name, rule: 0 },
  backends: [],
})
const entries = [
  entry('any', []),
  entry('wild', ['*.shop.example']),
  entry('longer', ['*.a.shop.example']),
  entry('whole', ['a.shop.example', 'x.shop.example']),
]
for (const [asked, expected] of [
  ['a.shop.example', 'whole'],
  ['b.shop.example', 'wild'],
  ['x.y.shop.example', 'wild'],
  ['b.a.shop.example', 'longer'],
  ['shop.example', 'any'],
  ['.shop.example', 'any'],
  ['elsewhere.example', 'any'],
  [undefined, 'any'],
] as const) {
  test(`tlsEntryFor() takes ${asked ?? 'no name'} to ${expected}`, () =>
    assert.equal(tlsEntryFor({ kind: 'tls', entries }, asked)?.origin.name, expected))
}

test('tlsEntryFor() takes nobody where no name covers', () => {
  assert.equal(tlsEntryFor({ kind: 'tls', entries: entries.slice(1) }, 'shop.example'), undefined)
  assert.equal(tlsEntryFor({ kind: 'tls', entries: entries.slice(1) }, undefined), undefined)
})
