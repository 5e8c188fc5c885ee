/** The package as users get it: built, packed, installed from the tarball, run. Its one dependency comes from the registry. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const checkout = resolve(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tulle-install-'))
const installed = join(folder, 'project/node_modules/tulle')
const bin = join(installed, 'bin/tulle.js')

before(async () => {
  const built = join(folder, 'dist')
  await run(process.execPath, ['tools/build.ts', built], { cwd: checkout })
  await run('npm', ['pack', '--pack-destination', folder], { cwd: built })
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
  assert.ok(tarball !== undefined)
  await run('npm', ['install', '--prefix', join(folder, 'project'), join(folder, tarball)])
})

after(() => rmSync(folder, { recursive: true }))

/** Ends with the test. */
function tulle(
  { signal }: TestContext,
  ...args: readonly string[]
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run(process.execPath, [bin, ...args], { cwd: folder, signal })
}

test('the installed package holds what it needs and nothing else', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
  assert.deepEqual(Object.keys(manifest.dependencies), ['koffi'])
  assert.equal(manifest.devDependencies, undefined)
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
  assert.deepEqual(
    files.filter((file) => file.endsWith('.ts')),
    [],
  )
  for (const file of ['LICENSE', 'README.md', 'THIRD-PARTY-NOTICES']) assert.ok(files.includes(file), file)
  const notices = readFileSync(join(installed, 'THIRD-PARTY-NOTICES'), 'utf8')
  for (const name of ['@bufbuild/protobuf', '@grpc/grpc-js', 'zod'])
    assert.ok(notices.includes(`\n${name} `), name)
})

test('the installed command says its version and checks manifests', async (t) => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'apps/tulle/package.json'), 'utf8'))
  assert.equal((await tulle(t, '--version')).stdout.trim(), version)
  const { stdout } = await tulle(t, 'check', join(installed, 'examples/bookstore'))
  assert.match(stdout, /^\d+ objects accepted in \d+ files$/m)
})

test('the installed command tells a user of an old Node what it needs', async () => {
  const old = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })`
  await assert.rejects(run(process.execPath, ['--import', old, bin, '--version']), (error: unknown) => {
    const { code, stderr } = error as { readonly code: number; readonly stderr: string }
    assert.equal(code, 2)
    assert.equal(stderr.trim(), 'tulle: expected Node 24.12 or later, found 20.20.2')
    return true
  })
})

test('the installed command runs the bookstore', async () => {
  const args = ['up', '-f', join(installed, 'examples/bookstore'), '--state', join(folder, 'state')]
  const mesh = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const said: string[] = []
  const running = Promise.withResolvers<void>()
  createInterface({ input: mesh.stdout }).on('line', (line) => {
    said.push(line)
    if (line.includes('workloads run after')) running.resolve()
  })
  const ended = once(mesh, 'exit')
  await Promise.race([running.promise, ended])
  mesh.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null], said.join('\n'))
  assert.ok(
    said.some((line) => line.includes('5 workloads run after')),
    said.join('\n'),
  )
  assert.deepEqual(
    said.filter((line) => line.includes('could not be started')),
    [],
  )
})

// Only here has no thread but the workers' loaded koffi, which Node would unload with the last of them. That is a race.
for (const workers of ['1', '2', '3'])
  test(`an installed waypoint of ${workers} workers that is told twice to stop, with a request open, ends as it should`, (t) =>
    stopTwice(workers, t))

async function stopTwice(workers: string, t: TestContext): Promise<void> {
  const backend = createServer().listen(0, '127.0.0.1')
  t.after(() => backend.close())
  await once(backend, 'listening')
  const asked = once(backend, 'connection')
  const port = await freePort()
  const config = join(folder, 'waypoint.json')
  writeFileSync(config, JSON.stringify(oneRoute(port, portOf(backend))))
  const args = [
    'waypoint',
    '--config',
    config,
    '--workers',
    workers,
    '--admin-port',
    '0',
    '--health-port',
    '0',
    '--metrics-port',
    '0',
  ]
  const waypoint = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'inherit', 'pipe'] })
  t.after(() => waypoint.kill('SIGKILL'))
  const ended = once(waypoint, 'exit')
  const lines = createInterface({ input: waypoint.stderr })[Symbol.asyncIterator]()
  const said = async (text: string): Promise<void> => {
    for (let next = await lines.next(); !next.done; next = await lines.next())
      if (next.value.includes(text)) return
    assert.fail(`it ended without saying ${text}`)
  }
  await said('waypoint runs')
  const client = connect(port, '127.0.0.1').on('error', () => undefined)
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const [held] = (await asked) as [Socket] // what a server's event carries
  t.after(() => {
    for (const socket of [client, held]) socket.destroy()
  })
  waypoint.kill('SIGTERM')
  await said('draining')
  waypoint.kill('SIGTERM')
  assert.deepEqual(await ended, [128 + 15, null])
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port // a TCP server that listens has one
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

/** For `tulle waypoint --config`. */
function oneRoute(port: number, backendPort: number): object {
  const access = [{ name: 'calls', action: 'allow', requests: [{ method: 'GET' }] }]
  const rules = [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], backends: [{ cluster: 'back' }] }]
  const endpoints = [{ address: '127.0.0.1', port: backendPort }]
  return {
    listeners: [{ name: 'plain', address: '127.0.0.1', port, protocol: 'http', access, rules }],
    clusters: [{ name: 'back', protocol: 'http1', endpoints }],
  }
}

test('the installed command measures the machine that it is on', async (t) => {
  const { stdout } = await tulle(t, 'bench', '--seconds', '5', '-o', 'json')
  const { rows } = JSON.parse(stdout) as { readonly rows: readonly { readonly mesh: number }[] }
  assert.equal(rows.length, 5)
  for (const row of rows) assert.ok(row.mesh > 0, JSON.stringify(row))
})
