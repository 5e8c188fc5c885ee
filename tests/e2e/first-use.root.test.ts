import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ProcessFacts } from '../support/processes.ts'
import { mountsWith, namespacesLeft, stillRunning } from '../support/processes.ts'
import type { CommandResult, Mesh } from '../support/mesh.ts'
import { checkout, MeshFolder } from '../support/mesh.ts'
import { answerPatienceMs, until } from '../support/waiting.ts'

/**
 * The bookstore as a new user tries it, one test a step, in this order: edit a policy, break a file, rename a
 * service, kill a workload, stop it, start it again, kill it.
 */

const url = 'http://books/books'
/** One call, and what came of it: a line for a person, and an exit code. */
const script = (target: string): string =>
  `fetch(${JSON.stringify(target)}, { signal: AbortSignal.timeout(${answerPatienceMs}) })
     .then((answer) => answer.text())
     .then((text) => console.log(text), (error) => { console.log(error.cause?.code ?? error.message); process.exit(7) })`

const readerSource = '    - kind: ServiceAccount\n      name: reader\n      namespace: bookstore\n'

const folder = new MeshFolder({ manifests: { copyOf: join(checkout, 'examples/bookstore') }, open: true })
let mesh: Mesh

const call = (workload: string, target: string = url): Promise<CommandResult> =>
  folder.tulle('exec', `bookstore/${workload}`, '--', 'node', '-e', script(target))

async function assertAnswered(workload: string, target?: string): Promise<void> {
  const { exitCode, stdout, stderr } = await call(workload, target)
  assert.equal(exitCode, 0, `${stdout}${stderr}`)
  assert.match(stdout, /Invisible Cities/u)
}

async function assertRefused(workload: string): Promise<void> {
  const { exitCode, stdout } = await call(workload)
  assert.equal(exitCode, 7)
  assert.match(stdout, /ECONNRESET|other side closed|UND_ERR_SOCKET/u)
}

async function applied(): Promise<void> {
  const { exitCode, stdout, stderr } = await folder.tulle('wait')
  assert.equal(exitCode, 0, stderr)
  assert.match(stdout, /^applied on 2 of 2 nodes after \d/u)
}

/** Nothing of the mesh may stay: no process, no namespace, no mount. */
async function assertNothingLeft(processes: readonly ProcessFacts[]): Promise<void> {
  await until(
    () => (stillRunning(processes).length === 0 ? true : undefined),
    () => `still running: ${JSON.stringify(stillRunning(processes))}`,
  )
  assert.deepEqual(namespacesLeft(processes), [])
  assert.deepEqual(mountsWith(folder.root), [])
}

interface Lasting {
  readonly root: string
  readonly addresses: unknown
  readonly services: unknown
}

async function lasting(): Promise<Lasting> {
  const services = await folder.tulle('get', 'services', '-o', 'json')
  const workloads = await folder.tulle('get', 'workloads', '-o', 'json')
  return {
    root: readFileSync(join(folder.state.root, 'ca/root.crt'), 'utf8'),
    addresses: (JSON.parse(workloads.stdout) as { name: string; addresses: unknown }[]).map((one) => [
      one.name,
      one.addresses,
    ]),
    services: (JSON.parse(services.stdout) as { name: string; addresses: unknown }[]).map((one) => [
      one.name,
      one.addresses,
    ]),
  }
}

before(async () => {
  mesh = await folder.start()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

describe('the bookstore, step by step', () => {
  let first: Lasting

  test('start: the first line says how traffic is captured, then every workload reports', async () => {
    assert.match(
      mesh.lines.all()[0] ?? '',
      /^tulle up · namespaces, as root: the real data path; workloads have no rights$/u,
    )
    assert.match(mesh.lines.all()[1] ?? '', /manifests .* · state .*safe to delete while stopped/u)
    await mesh.lines.find(/ books +started on node-2 at 10\.77\.\d+\.\d+$/u)
    await mesh.lines.find(/ tulle +5 workloads run after /u)
    await mesh.lines.find(/ reader +http:\/\/books\/books: 3 books/u)
    await mesh.lines.find(
      / node-2 +refused \/ns\/bookstore\/sa\/scraper → .* policy bookstore\/smi\.readers-read-books/u,
    )
    first = await lasting()
  })

  test('exec: reader is answered, scraper is cut off', async () => {
    await assertAnswered('reader')
    await assertRefused('scraper')
  })

  test('exec: a workload has a user of its own, no capabilities, and not the keys of the mesh', async () => {
    const look = `const { readFileSync, readdirSync } = require('node:fs')
      console.log(JSON.stringify({ uid: process.getuid(),
        status: readFileSync('/proc/self/status', 'utf8').split('\\n').filter((line) => /^(Cap|NoNewPrivs)/.test(line)),
        state: (() => { try { return readdirSync(${JSON.stringify(folder.state.root)}) } catch (error) { return error.code } })() }))`
    const { stdout, stderr } = await folder.tulle('exec', 'bookstore/scraper', '--', 'node', '-e', look)
    const seen = JSON.parse(stdout || stderr) as { uid: number; status: readonly string[]; state: unknown }
    assert.ok(seen.uid >= 61_000, `uid ${seen.uid}`)
    assert.deepEqual(
      seen.status.map((line) => line.replace(/\s+/u, ' ')),
      [
        'CapInh: 0000000000000000',
        'CapPrm: 0000000000000000',
        'CapEff: 0000000000000000',
        'CapBnd: 0000000000000000',
        'CapAmb: 0000000000000000',
        'NoNewPrivs: 1',
      ],
    )
    assert.ok(
      Array.isArray(seen.state) ? seen.state.length === 0 : seen.state === 'EACCES',
      String(seen.state),
    )
  })

  test('explain: exit code 0 for allowed, 1 for refused with what would change it', async () => {
    const allowed = await folder.tulle('explain', 'bookstore/reader', 'bookstore/books:80')
    assert.equal(allowed.exitCode, 0, allowed.stderr)
    assert.match(allowed.stdout, /^allowed .*\n/u)
    assert.match(
      allowed.stdout,
      /decided by {2}TrafficTarget bookstore\/readers-read-books .*access\.yaml:\d+:\d+/u,
    )
    const refused = await folder.tulle('explain', 'bookstore/scraper', 'bookstore/books:80')
    assert.equal(refused.exitCode, 1, refused.stderr)
    assert.match(refused.stdout, /^refused .*\n/u)
    assert.match(refused.stdout, /identity {4}spiffe:\/\/cluster\.local\/ns\/bookstore\/sa\/scraper/u)
    assert.match(refused.stdout, /To allow it\n/u)
    const data = await folder.tulle('explain', 'bookstore/scraper', 'bookstore/books:80', '-o', 'json')
    assert.equal(data.exitCode, 1)
    assert.equal((JSON.parse(data.stdout) as { allowed: boolean }).allowed, false)
  })

  test('explain and get: exit code 2 for what does not exist, 3 where no mesh runs', async () => {
    const unknown = await folder.tulle('explain', 'bookstore/nobody', 'bookstore/books:80')
    assert.equal(unknown.exitCode, 2, unknown.stdout)
    assert.match(unknown.stderr, /nobody/u)
    assert.equal((await folder.tulle('get', 'teapots')).exitCode, 2)
    assert.equal((await folder.tulle('explain')).exitCode, 2)
    using elsewhere = new MeshFolder({ manifests: {} })
    for (const args of [
      ['get', 'workloads'],
      ['explain', 'a/b', 'c/d:80'],
      ['wait'],
      ['exec', 'a/b', '--', 'true'],
    ]) {
      const { exitCode, stderr } = await elsewhere.tulle(...args)
      assert.equal(exitCode, 3, `${args.join(' ')}: ${stderr}`)
      assert.match(stderr, /no mesh is running here/u)
    }
  })

  test('get -o json: every kind is a list', async () => {
    for (const kind of [
      'workloads',
      'services',
      'policies',
      'objects',
      'nodes',
      'connections',
      'certificates',
    ]) {
      const { exitCode, stdout, stderr } = await folder.tulle('get', kind, '-o', 'json')
      assert.equal(exitCode, 0, stderr)
      assert.ok(Array.isArray(JSON.parse(stdout)), kind)
    }
  })

  test('edit a policy: reader is refused, and let in again', async () => {
    const since = mesh.lines.mark
    folder.replace('access.yaml', readerSource, '')
    await applied()
    await assertRefused('reader')
    await mesh.lines.find(/ reader +http:\/\/books\/books: (no answer|cut off)/u, { since })
    await mesh.lines.find(/ node-2 +refused \/ns\/bookstore\/sa\/reader → /u, { since })
    const again = mesh.lines.mark
    folder.replace('access.yaml', '  sources:\n', `  sources:\n${readerSource}`)
    await applied()
    await assertAnswered('reader')
    await mesh.lines.find(/ reader +http:\/\/books\/books: 3 books/u, { since: again })
  })

  test('break a file: the line and column are said, and its last good version holds', async () => {
    const since = mesh.lines.mark
    const good = folder.read('access.yaml')
    const bad = good.replace(
      '  destination:\n    kind: ServiceAccount\n',
      '  destination:\n    kynd: ServiceAccount\n',
    )
    assert.notEqual(bad, good)
    folder.write('access.yaml', bad)
    const line = bad.split('\n').findIndex((text) => text.includes('kynd')) + 1
    await mesh.lines.find(new RegExp(`access\\.yaml:${line}:5`, 'u'), { since })
    await applied()
    const problems = await mesh.control.get<{
      items: readonly { file: string; line: number; column: number; message: string }[]
    }>('/v1/problems')
    assert.ok(problems.items.length > 0)
    assert.match(JSON.stringify(problems.items), /kynd/u)
    await assertAnswered('reader')
    await assertRefused('scraper')
    folder.write('access.yaml', `${good}\n---\n{ this is: [no YAML\n`)
    await applied()
    await assertAnswered('reader')
    await assertRefused('scraper')
    const mended = mesh.lines.mark
    folder.write('access.yaml', good)
    await applied()
    await mesh.lines.find(/ control +problems solved/u, { since: mended })
    assert.equal((await mesh.control.get<{ items: readonly unknown[] }>('/v1/problems')).items.length, 0)
  })

  test('rename a service: the new name answers, the old one is gone', async () => {
    folder.replace(
      'books.yaml',
      'kind: Service\nmetadata:\n  name: books\n',
      'kind: Service\nmetadata:\n  name: library\n',
    )
    await applied()
    await until(
      async () => ((await call('reader', 'http://library/books')).exitCode === 0 ? true : undefined),
      () => 'library does not answer',
    )
    const old = await call('reader', url)
    assert.equal(old.exitCode, 7)
    assert.match(old.stdout, /ENOTFOUND|EAI_AGAIN/u)
    folder.replace(
      'books.yaml',
      'kind: Service\nmetadata:\n  name: library\n',
      'kind: Service\nmetadata:\n  name: books\n',
    )
    await applied()
    await assertAnswered('reader')
  })

  test('kill a workload: it is said, and it runs again', async () => {
    const since = mesh.lines.mark
    process.kill(await mesh.pidOf('bookstore/books'), 'SIGKILL')
    await mesh.lines.find(/ books +was killed by SIGKILL; starting it again in \d+ ms/u, { since })
    await mesh.lines.find(/ books +books on 8080/u, { since })
    await assertAnswered('reader')
  })

  test('a second tulle up with the same state is refused with exit code 2', async () => {
    const second = folder.spawnUp()
    let stderr = ''
    second.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const code = await new Promise((resolve) => second.on('close', resolve))
    assert.equal(code, 2, stderr)
    assert.match(stderr, /a mesh runs with this state folder already: /u)
    await assertAnswered('reader')
  })

  test('Ctrl-C: it says that it stops, ends with 0, and nothing is left', async () => {
    const processes = mesh.processes()
    assert.ok(processes.length >= 8, 'outer, inner, control, two nodes, workloads')
    const since = mesh.lines.mark
    assert.equal(await mesh.stop('SIGINT'), 0)
    await mesh.lines.find(/stopping the workloads, the node proxies, the control plane/u, { since })
    await mesh.lines.find(/nothing is left but the state folder/u, { since })
    await assertNothingLeft(processes)
  })

  test('start again: the same root key and the same addresses', async () => {
    mesh = await folder.start()
    await mesh.lines.find(/ books +books on 8080/u)
    assert.deepEqual(await lasting(), first)
    await assertAnswered('reader')
  })

  test('killed with SIGKILL: nothing is left either, and it starts once more', async () => {
    const processes = mesh.processes()
    await mesh.stop('SIGKILL')
    await assertNothingLeft(processes)
    mesh = await folder.start()
    await mesh.lines.find(/ books +books on 8080/u)
    assert.deepEqual(await lasting(), first)
    await assertAnswered('reader')
  })
})
