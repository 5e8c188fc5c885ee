import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { checkout, MeshFolder } from '../support/mesh.ts'
import type { Mesh } from '../support/mesh.ts'
import { stillRunning } from '../support/processes.ts'
import { until } from '../support/waiting.ts'

/** `tulle up --mode loopback` on the bookstore, as somebody without any rights. */

const nobody = 65_534
const folder = new MeshFolder({
  manifests: { copyOf: join(checkout, 'examples/bookstore') },
  args: ['--mode', 'loopback', '--workers', '1', '--handover-drain', '1s'],
  ...(process.getuid?.() === 0 && { uid: nobody }),
})
let mesh: Mesh

before(async () => {
  mesh = await folder.start()
})
after(async () => {
  await mesh[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

interface AccessEntry {
  readonly direction: string
  readonly verdict: string
  readonly 'src.identity'?: string
  readonly 'dst.identity'?: string
}

describe('without namespaces', () => {
  test('the first line says that refusals are advisory, and why', () => {
    assert.equal(
      mesh.lines.all()[0],
      'tulle up · loopback (asked for): refusals are advisory, any local process can go around the mesh',
    )
  })

  test('an allowed call passes, by the variables that say where services are', async () => {
    await mesh.lines.find(/reader .*http:\/\/books\/books: 3 books/u)
  })

  test('a refused call is refused, and the console says by which policy, and that it is advice', async () => {
    await mesh.lines.find(/scraper .*http:\/\/books\/books: no answer/u)
    await mesh.lines.find(
      /node-2 .*refused \(advisory\) \/ns\/bookstore\/sa\/scraper → 127\.\d+\.1\.\d+:8080 .*smi\.readers-read-books/u,
    )
  })

  test('tulle explain says so too', async () => {
    const { exitCode, stdout } = await folder.tulle('explain', 'bookstore/scraper', 'bookstore/books:8080')
    assert.equal(exitCode, 1, stdout)
    assert.match(stdout, /advisory +loopback mode: any local process can go around the mesh/u)
    assert.match(stdout, /lists bookstore\/reader, and not the caller's/u)
  })

  test('both proxies know each other by certificates of a trust domain of its own', async () => {
    const entries = (node: string): readonly AccessEntry[] =>
      readFileSync(join(folder.state.logs, `${node}.access.log`), 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as AccessEntry)
    const account = (name: string): string => `spiffe://loopback.local/ns/bookstore/sa/${name}`
    const isCall = (entry: AccessEntry, direction: string): boolean =>
      entry.direction === direction &&
      entry.verdict === 'allowed' &&
      entry['src.identity'] === account('reader') &&
      entry['dst.identity'] === account('books')
    const seen = (node: string, direction: string): true | undefined =>
      entries(node).some((entry) => isCall(entry, direction)) ? true : undefined
    for (const [node, direction] of [
      ['node-2', 'inbound'],
      ['node-1', 'outbound'],
    ] as const) {
      await until(
        () => seen(node, direction),
        () => `${node}: ${JSON.stringify(entries(node).slice(-3))}`,
      )
    }
  })

  test('who comes without a certificate gets nowhere at the port of the mesh', async () => {
    const host = await mesh.addressOf('bookstore/books')
    const ended = Promise.withResolvers<string>()
    const socket = connect({ host, port: 15_008, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    socket.on('error', (error) => ended.resolve(error.message))
    socket.on('close', () => ended.resolve('closed'))
    const names = await new Promise((resolve) =>
      socket.once('secureConnect', () => resolve(socket.getPeerCertificate().subjectaltname)),
    )
    assert.equal(names, 'URI:spiffe://loopback.local/ns/bookstore/sa/books')
    socket.resume()
    assert.match(await ended.promise, /certificate required/u)
  })

  test('what the first line warns of is so: at its own port the application answers anybody', async () => {
    const line = await mesh.lines.find(/books on \d+/u)
    const port = Number(/books on (\d+)/u.exec(line)?.[1])
    const status = await new Promise((resolve, reject) =>
      get({ host: '127.0.0.1', port, path: '/books' }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      }).on('error', reject),
    )
    assert.equal(status, 200)
  })

  test('tulle upgrade replaces the node proxies, and calls go on passing and being refused', async () => {
    const { exitCode, stdout, stderr } = await folder.tulle('upgrade')
    assert.equal(exitCode, 0, stdout + stderr)
    const call =
      'fetch(`http://${process.env.BOOKS_SERVICE_HOST}:${process.env.BOOKS_SERVICE_PORT}/books`).then((a) => console.log(a.status), () => console.log("no answer"))'
    const callAs = async (name: string): Promise<string> =>
      (await folder.tulle('exec', `bookstore/${name}`, '--', 'node', '-e', call)).stdout.trim()
    assert.deepEqual([await callAs('reader'), await callAs('scraper')], ['200', 'no answer'])
  })

  test('a split starts a waypoint, which reads requests and lets in whom policy does', async () => {
    folder.write('canary.yaml', readFileSync(join(checkout, 'examples/traffic/canary.yaml'), 'utf8'))
    await mesh.lines.find(/books-v2 .*books on \d+/u)
    await mesh.lines.find(/waypoint serves/u)
    const ask =
      'const one = async (headers) => { const a = await fetch(`http://${process.env.BOOKS_SERVICE_HOST}:${process.env.BOOKS_SERVICE_PORT}/books`, { headers }); return `${a.status} ${(await a.text()).includes(\'"version":"v2"\')}` };' +
      'Promise.all([one({}), one({ "x-preview": "yes" })]).then((a) => console.log(a.join()), () => console.log("no answer"))'
    const askAs = async (name: string): Promise<string> =>
      (await folder.tulle('exec', `bookstore/${name}`, '--', 'node', '-e', ask)).stdout.trim()
    let seen = ''
    await until(
      async () => ((seen = await askAs('reader')) === '200 false,200 true' ? true : undefined),
      () => `reader: ${seen}`,
    )
    assert.equal(await askAs('scraper'), '403 false,403 false')
    const { stdout } = await folder.tulle('get', 'waypoints')
    assert.match(stdout, /bookstore +tulle-waypoint +127\.\d+\.1\.\d+ +yes/u)
    rmSync(join(folder.manifests, 'canary.yaml'))
    await mesh.lines.find(/tulle-waypoint +stopped/u)
    assert.equal(await askAs('reader'), '200 false,200 false')
  })

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    test(`ended with ${signal}, no process is left`, async () => {
      const processes = mesh.processes()
      await mesh.stop(signal)
      await until(
        () => (stillRunning(processes).length === 0 ? true : undefined),
        () => `still running: ${JSON.stringify(stillRunning(processes))}`,
      )
      if (signal === 'SIGINT') mesh = await folder.start()
    })
  }
})
