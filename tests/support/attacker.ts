/** What somebody can do who has sockets in any network namespace of the mesh, and other people's keys. */
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import { systemClock } from '@tulle/core'
import { closeFd, connectTcpFd, connectTlsFd, inNetns, netnsOfPid, openTcpSocket } from '@tulle/kernel'
import { answerPatienceMs } from './waiting.ts'

/** A connection that says nothing for so long has said all. */
const quietMs = 1500

export interface StolenKeys {
  readonly identity: string
  readonly chainPem: string
  readonly keyPem: string
  readonly rootsPem: readonly string[]
}

/** The keys that a proxy keeps in `secrets`, as the process `pid` sees that folder. */
export function stolenKeys(pid: number, secrets: string): readonly StolenKeys[] {
  const folder = join(`/proc/${pid}/root`, secrets, 'certificates')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => {
      // The product's own files.
      const kept = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Omit<StolenKeys, 'identity'>
      const names = new X509Certificate(kept.chainPem).subjectAltName ?? ''
      return { ...kept, identity: names.replace('URI:', '') }
    })
}

export interface Place {
  /** Whose network namespace the socket is made in. */
  readonly pid: number
  readonly host: string
  readonly port: number
}

function openSocket(pid: number): number {
  const netns = netnsOfPid(pid)
  try {
    return inNetns(netns, () => openTcpSocket({ family: 4 }))
  } finally {
    closeFd(netns)
  }
}

/** Sends these bytes and returns all that comes back until the other side ends or falls silent. */
export function sayRaw(place: Place, ...parts: readonly (string | Buffer)[]): Promise<string> {
  const socket = connectTcpFd({ fd: openSocket(place.pid), host: place.host, port: place.port })
  return new Promise((resolve) => {
    let text = ''
    let quiet: Disposable | undefined
    const finish = (end: string): void => {
      quiet?.[Symbol.dispose]()
      late[Symbol.dispose]()
      socket.destroy()
      resolve(`${text}${end}`)
    }
    const late = systemClock.after(answerPatienceMs, () => finish('[no answer]'))
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      quiet?.[Symbol.dispose]()
      quiet = systemClock.after(quietMs, () => finish(''))
    })
    socket.on('close', () => finish('[closed]'))
    socket.on('end', () => socket.destroy())
    socket.on('connect', () => {
      for (const part of parts) socket.write(part)
    })
  })
}

export interface Tunnel {
  /** The status of CONNECT; 0: there was none. */
  readonly status: number
  /** What came back through it. */
  readonly text: string
  /** The identity of who answered the handshake. */
  readonly peer: string
}

/** HBONE by Node's own HTTP/2, with somebody's keys: CONNECT to `authority`, then `payload`. */
export function sayThroughTunnel(
  place: Place,
  keys: StolenKeys,
  connect: {
    readonly authority: string
    readonly headers?: Record<string, string>
    readonly payload?: string
  },
): Promise<Tunnel> {
  const { host, port } = place
  const tls = connectTlsFd({
    fd: openSocket(place.pid),
    host,
    port,
    tls: {
      key: keys.keyPem,
      cert: keys.chainPem,
      ca: [...keys.rootsPem],
      ALPNProtocols: ['h2'],
      // Attackers do not care who answers.
      checkServerIdentity: () => undefined,
    },
  })
  return new Promise((resolve) => {
    let status = 0
    let text = ''
    let peer = ''
    const finish = (): void => {
      timer[Symbol.dispose]()
      quiet?.[Symbol.dispose]()
      tls.destroy()
      resolve({ status, text, peer })
    }
    let quiet: Disposable | undefined
    const timer = systemClock.after(answerPatienceMs, finish)
    tls.on('error', finish)
    tls.on('close', finish)
    tls.once('secureConnect', () => {
      peer = (tls.getPeerX509Certificate()?.subjectAltName ?? '').replace('URI:', '')
      const session = connectHttp2(`https://${host}`, { createConnection: () => tls })
      session.on('error', finish)
      const stream = session.request({
        ':method': 'CONNECT',
        ':authority': connect.authority,
        ...connect.headers,
      })
      stream.on('error', finish)
      stream.on('close', finish)
      stream.on('response', (headers) => {
        status = headers[':status'] ?? 0
        if (status === 200 && connect.payload !== undefined) stream.write(connect.payload)
        else finish()
      })
      stream.on('data', (bytes: Buffer) => {
        text += bytes.toString('latin1')
        quiet?.[Symbol.dispose]()
        quiet = systemClock.after(quietMs, finish)
      })
    })
  })
}
