/**
 * A workload of the suite: an echo backend, and a caller that does what it is asked to on a unix socket
 * (CONFORMANCE_SOCKET). It knows nothing of any mesh.
 */
import { lookup } from 'node:dns/promises'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { systemClock } from '@tulle/core'
import { Backend } from './backend.ts'
import { Caller } from './caller.ts'
import { httpPorts, tcpPorts, udpPorts } from './ports.ts'
import type { Replies, Requests, Verb } from './protocol.ts'
import { TcpCaller } from './tcp.ts'
import { tlsVariable } from './tls-material.ts'
import type { TlsMaterial } from './tls-material.ts'

const name = process.env['CONFORMANCE_NAME'] ?? ''
const socketPath = process.env['CONFORMANCE_SOCKET'] ?? ''

type Handlers = { readonly [Name in Verb]: (request: Requests[Name]) => Promise<Replies[Name]> }

const backend = new Backend(name, systemClock)
const caller = new Caller(systemClock)
const tcp = new TcpCaller(systemClock)

const yes = (): boolean => true
const no = (): boolean => false

const handlers: Handlers = {
  who: async () => ({ name }),
  call: (call) => caller.call(call),
  calls: (calls) => caller.calls(calls),
  received: async ({ id }) => ({ all: backend.received(id) }),
  tcp: (request) => tcp.tcp(request),
  tcpAlive: (request) => tcp.tcpAlive(request),
  udp: (request) => tcp.udp(request),
  resolves: async ({ host }) => ({ resolves: await lookup(host).then(yes, no) }),
}

function listen(): void {
  for (const port of httpPorts) backend.listenHttp(port)
  for (const port of tcpPorts) backend.listenTcp(port)
  for (const [port, certificate] of Object.entries(tlsMaterial()))
    backend.listenHttps(Number(port), certificate)
  for (const port of udpPorts) backend.listenUdp(port)
}

/** Given by whoever runs the suite. */
function tlsMaterial(): TlsMaterial {
  return JSON.parse(process.env[tlsVariable] ?? '{}') as TlsMaterial
}

function obey(): void {
  rmSync(socketPath, { force: true })
  createServer((request, response) => {
    const verb = (request.url ?? '').slice(1) as Verb
    void text(request)
      // The driver sends what Requests says.
      .then((body) => (handlers[verb] as (request: unknown) => Promise<unknown>)(JSON.parse(body)))
      .then(
        (answer) => response.end(JSON.stringify(answer)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  }).listen(socketPath)
}

process.on('SIGTERM', () => process.exit(0))
listen()
obey()
console.log(`workload ${name}`)
