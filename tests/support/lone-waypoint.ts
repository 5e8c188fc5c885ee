import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { must, systemClock } from '@tulle/core'
import { parseIpAddress } from '@tulle/mesh'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'

/** A `tulle waypoint --config` of its own, with two ports of HTTP/2 that lead to one backend of HTTP/1.1. */
export interface LoneWaypoint {
  /** HTTP/2 without TLS. */
  readonly clear: number
  /** TLS, with what ALPN agrees on. */
  readonly secure: number
  stop(): Promise<void>
}

const tulle = fileURLToPath(new URL('../../apps/tulle/src/main.ts', import.meta.url))

export async function startLoneWaypoint(backendPort: number): Promise<LoneWaypoint> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tulle-waypoint-'))
  const [clear = 0, secure = 0] = await freePorts(2)
  writeCertificate(folder)
  const rules = 'rules: [{ backends: [{ cluster: app }] }]'
  const config = path.join(folder, 'w.yaml')
  writeFileSync(
    config,
    `listeners:
  - { name: clear, address: 127.0.0.1, port: ${clear}, protocol: http2, ${rules} }
  - { name: secure, address: 127.0.0.1, port: ${secure}, protocol: https, certificate: leaf.pem, key: key.pem, ${rules} }
clusters: [{ name: app, endpoints: [{ address: 127.0.0.1, port: ${backendPort} }] }]
`,
  )
  const noPorts = ['--admin-port', '0', '--health-port', '0', '--metrics-port', '0']
  const args = [tulle, 'waypoint', '--config', config, '--workers', '1', '--access-log', 'none', ...noPorts]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'pipe'] })
  const ended = once(child, 'exit')
  await Promise.race([readyLine(child.stderr), ended])
  return {
    clear,
    secure,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Resolves with the log's line that says that it serves. */
async function readyLine(log: NodeJS.ReadableStream): Promise<void> {
  const ready = Promise.withResolvers<void>()
  createInterface(log).on('line', (line) => {
    if (line.includes('waypoint runs')) ready.resolve()
  })
  await ready.promise
}

function writeCertificate(folder: string): void {
  const nowMs = systemClock.nowMs()
  const [notBeforeMs, notAfterMs] = [nowMs - 3_600_000, nowMs + 3_600_000]
  const root = createRoot({ subject: { organization: 'test' }, notBeforeMs, notAfterMs })
  const { publicKey, privateKey } = generateKeyPair()
  const ipSans = [must(parseIpAddress('127.0.0.1'))]
  const leaf = createLeaf({ issuer: root, publicKey, notBeforeMs, notAfterMs, ipSans })
  writeFileSync(path.join(folder, 'leaf.pem'), certificatePem(leaf))
  writeFileSync(path.join(folder, 'key.pem'), keyPem(privateKey), { mode: 0o600 })
}

/** Ports that nobody listens on, all different. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  // Listening on TCP.
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
