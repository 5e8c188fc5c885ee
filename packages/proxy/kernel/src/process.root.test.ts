import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { closeFd, newNetns } from './netns.ts'
import { socketFd } from './node-handles.ts'
import { execProcess, openPidfd, peerCredentials, takeFd } from './process.ts'
import { listenTcp, localAddress } from './sockets.ts'
import type { LaunchPlan } from './testing/launch.ts'

const run = promisify(execFile)
const launcher = fileURLToPath(new URL('testing/launch.ts', import.meta.url))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tulle-launch-'))
  for (const name of ['state', 'scratch']) mkdirSync(join(folder, name))
  for (const name of ['state/key', 'hosts', 'target']) writeFileSync(join(folder, name), name)
})
afterEach(() => rmSync(folder, { recursive: true }))

function basicPlan(script: string): LaunchPlan {
  return {
    script,
    parentPid: process.pid,
    hide: join(folder, 'state'),
    tmpfs: join(folder, 'scratch'),
    bind: { source: join(folder, 'hosts'), target: join(folder, 'target') },
  }
}

const report = (path: string): string => `
  grep -E '^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|SigIgn):' /proc/self/status | tr '\\t' ' '
  ls ${path}/state 2>&1 | wc -l
  cat ${path}/state/key 2>/dev/null || echo hidden
  cat ${path}/target; echo
  echo x 2>/dev/null > ${path}/target || echo read-only
  stat -f -c %T ${path}/scratch; stat -c %a ${path}/scratch
  stat -L -c %i /proc/self/ns/net`

test('the launcher gives up ids, capabilities and sight of the state folder, and becomes the workload', async () => {
  const netns = newNetns()
  const ids = { uid: 12_345, gid: 12_346, groups: [12_347] }
  const plan = { ...basicPlan(report(folder)), ids, netns: `/proc/${process.pid}/fd/${netns}` }
  // The workload's user must reach the folder, so that it is the mount that hides the key.
  await run('chmod', ['-R', 'a+rwX', folder])
  const { stdout } = await run(process.execPath, [launcher, JSON.stringify(plan)])
  const lines = stdout.split('\n').map((line) => line.trim())
  const none = '0000000000000000'
  for (const line of [
    'Uid: 12345 12345 12345 12345',
    'Gid: 12346 12346 12346 12346',
    'Groups: 12347',
    ...['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => `${set}: ${none}`),
    'NoNewPrivs: 1',
    'hidden',
    'hosts',
    'read-only',
    'tmpfs',
    '711',
    String(fstatSync(netns).ino),
  ]) {
    assert.ok(lines.includes(line), `expected ${line} in\n${stdout}`)
  }
  const ignored = BigInt(`0x${/SigIgn: (\w+)/u.exec(stdout)?.[1] ?? ''}`)
  assert.equal(ignored & (1n << 12n), 0n, 'SIGPIPE is not ignored')
  assert.equal(readFileSync(join(folder, 'target'), 'utf8'), 'target', 'no mount leaks out')
  closeFd(netns)
})

test('the launcher works for an ordinary user in namespaces of its own', async () => {
  await run('chown', ['-R', '65534:65534', folder])
  const drop = ['--reuid=65534', '--regid=65534', '--clear-groups']
  // The launcher is a child of the shell that unshare becomes.
  const plan = JSON.stringify({ ...basicPlan(report(folder)), parentPid: 'PARENT' })
  const shell = `plan='${plan.replaceAll("'", `'\\''`)}'; "$0" "$1" "$(printf %s "$plan" | sed "s/\\"PARENT\\"/$$/")"; true`
  const command = ['unshare', '-Urnm', '/bin/sh', '-c', shell, process.execPath, launcher]
  const { stdout } = await run('setpriv', [...drop, ...command], { cwd: '/' })
  for (const line of [
    'CapEff: 0000000000000000',
    'CapBnd: 0000000000000000',
    'hidden',
    'read-only',
    'tmpfs',
  ]) {
    assert.ok(stdout.split('\n').includes(line), `expected ${line} in\n${stdout}`)
  }
})

test('a workload dies with the process that started it', async () => {
  const script = `echo "$$"; exec sleep 1000`
  const code = `
    const { spawn } = require('node:child_process')
    const plan = { script: ${JSON.stringify(script)}, parentPid: process.pid, ids: { uid: 12345, gid: 12346, groups: [] } }
    spawn(process.execPath, [${JSON.stringify(launcher)}, JSON.stringify(plan)], { stdio: ['ignore', 'inherit', 'inherit'] })`
  const parent = spawn(process.execPath, ['--eval', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [pidLine] = await once(parent.stdout, 'data')
  const pidfd = openPidfd(Number(pidLine))
  // Standard output ends when the last process that holds it does.
  const ended = once(parent.stdout, 'close')
  parent.stdout.resume()
  parent.kill('SIGKILL')
  await ended
  closeFd(pidfd)
})

test('execProcess refuses what cannot be run', () => {
  const env = {}
  assert.throws(() => execProcess({ path: '/none', argv: ['none'], env }), { code: 'KERNEL_ENOENT' })
  assert.throws(() => execProcess({ path: join(folder, 'hosts'), argv: [], env }), { code: 'KERNEL_EACCES' })
  assert.throws(() => execProcess({ path: '/etc', argv: ['etc'], env }), { code: 'KERNEL_EACCES' })
})

test('peerCredentials tells who connected to a unix socket', async () => {
  const path = join(folder, 'admin.sock')
  const server = createServer().listen(path)
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = connect(path)
  const [socket] = await accepted
  const expected = { pid: process.pid, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 }
  assert.deepEqual(peerCredentials(socketFd(socket)), expected)
  client.destroy()
  server.close()
})

test('takeFd copies a listener, which takes connections after the original was closed', async () => {
  const listener = listenTcp({ address: '127.0.0.1', port: 0 })
  const pidfd = openPidfd(process.pid)
  const copy = takeFd(pidfd, listener)
  assert.deepEqual(localAddress(copy), localAddress(listener))
  closeFd(listener)
  const client = connect(localAddress(copy)?.port ?? 0, '127.0.0.1')
  await once(client, 'connect')
  client.destroy()
  closeFd(copy)
  closeFd(pidfd)
  assert.throws(() => openPidfd(0), { code: 'KERNEL_EINVAL' })
})
