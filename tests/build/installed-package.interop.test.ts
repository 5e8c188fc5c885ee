/** The package as users get it: built, packed, installed from the tarball, run. Its one dependency comes from the registry. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
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

function tulle(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run(process.execPath, [bin, ...args], { cwd: folder })
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

test('the installed command says its version and checks manifests', async () => {
  const { version } = JSON.parse(readFileSync(join(checkout, 'apps/tulle/package.json'), 'utf8'))
  assert.equal((await tulle('--version')).stdout.trim(), version)
  const { stdout } = await tulle('check', join(installed, 'examples/bookstore'))
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

test('the installed command measures the machine that it is on', async () => {
  const { stdout } = await tulle('bench', '--seconds', '5', '-o', 'json')
  const { rows } = JSON.parse(stdout) as { readonly rows: readonly { readonly mesh: number }[] }
  assert.equal(rows.length, 5)
  for (const row of rows) assert.ok(row.mesh > 0, JSON.stringify(row))
})
