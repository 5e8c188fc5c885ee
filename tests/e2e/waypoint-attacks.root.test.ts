import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@tulle/core'
import type { List, ObjectView } from '@tulle/status'
import { certificatePem, createLeaf, createRoot, generateKeyPair, keyPem } from '@tulle/x509'
import { fabricAddress } from '../../apps/tulle/src/up/node-network.ts'
import { sayRaw, sayThroughTunnel, stolenKeys } from '../support/attacker.ts'
import type { Place, StolenKeys, Tunnel } from '../support/attacker.ts'
import { patienceMs } from '../support/waiting.ts'
import { WaypointLab, workloadDocuments } from '../support/waypoint-lab.ts'

/** Ways around a waypoint, through it to elsewhere, and into its identity. Each is tried as an attacker would. */

const host = 'books'
const waypointNode = 'waypoint_shop_tulle-waypoint'
const waypointIdentity = 'spiffe://cluster.local/ns/shop/sa/tulle-waypoint'
const identityOf = (account: string): string => `spiffe://cluster.local/ns/shop/sa/${account}`

let lab: WaypointLab
/** Processes whose network namespaces the attacker has. */
let pids: { readonly reader: number; readonly guest: number; readonly outside: number; readonly node: number }
let addresses: {
  readonly books: string
  readonly ledger: string
  readonly waypoint: string
  readonly service: string
  readonly ledgerService: string
}

before(async () => {
  lab = await WaypointLab.start()
  const pidOf = (name: string): Promise<number> => lab.mesh.pidOf(name)
  pids = {
    reader: await pidOf('shop/reader'),
    guest: await pidOf('shop/guest'),
    outside: await pidOf('shop/outside'),
    node: await pidOf('node-1'),
  }
  addresses = {
    books: await lab.mesh.addressOf('shop/books'),
    ledger: await lab.mesh.addressOf('shop/ledger'),
    waypoint: await lab.waypointAddress(),
    service: await lab.serviceAddress('books'),
    ledgerService: await lab.serviceAddress('ledger'),
  }
})
after(() => lab[Symbol.asyncDispose]())

function keysOf(account: string): StolenKeys {
  const found = stolenKeys(pids.node, lab.folder.state.node('node-1').secrets)
  const keys = found.find(({ identity }) => identity === identityOf(account))
  if (keys === undefined) throw new Error(`node-1 has no keys of ${account}`)
  return keys
}

/** A certificate that says the right thing, signed by somebody whom nobody knows. */
function forgedKeys(identity: string): Pick<StolenKeys, 'chainPem' | 'keyPem'> {
  const nowMs = systemClock.nowMs()
  const times = { notBeforeMs: nowMs - 60_000, notAfterMs: nowMs + 3_600_000 }
  const root = createRoot({ subject: { organization: 'forger' }, ...times })
  const pair = generateKeyPair()
  const leaf = createLeaf({ issuer: root, publicKey: pair.publicKey, uriSans: [identity], ...times })
  return { chainPem: certificatePem(leaf), keyPem: keyPem(pair.privateKey) }
}

/** HBONE from node-1, where nothing is captured. */
function tunnel(
  to: string,
  keys: StolenKeys,
  connect: Parameters<typeof sayThroughTunnel>[2],
): Promise<Tunnel> {
  return sayThroughTunnel({ pid: pids.node, host: to, port: 15_008 }, keys, connect)
}

/** Runs `attack`; then the backend must have received nothing that it had not before. */
async function receivesNothing(attack: () => Promise<void>): Promise<void> {
  const before = await lab.received('books', '')
  await attack()
  assert.deepEqual(await lab.received('books', ''), before)
}

const get = (target: string, ...lines: readonly string[]): string =>
  `${[`GET ${target} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`

describe('around the waypoint', () => {
  test('an endpoint that is called by its own address is called through the waypoint', async () => {
    const direct = { host: addresses.books, port: 8080 }
    assert.equal(await lab.status('reader', direct), 200)
    assert.equal(await lab.status('reader', { ...direct, path: '/admin' }), 403)
    assert.equal(await lab.status('guest', direct), 403)
  })

  test('in plaintext nobody reaches what has HTTP rules', () =>
    receivesNothing(async () => {
      assert.equal(await lab.status('outside', { host: addresses.books, port: 8080 }), 0)
      assert.equal(await lab.status('outside', { host: addresses.waypoint, port: 8080 }), 0)
      const place: Place = { pid: pids.node, host: addresses.books, port: 8080 }
      assert.equal(await sayRaw(place, get('/books', 'host: books')), '[closed]')
    }))

  test('HBONE to the endpoint with the keys of an admitted caller is refused: only its waypoint is heard', () =>
    receivesNothing(async () => {
      const payload = get('/books', 'host: books')
      for (const account of ['reader', 'guest'])
        for (const port of [8080, 9090]) {
          const authority = `${addresses.books}:${port}`
          const said = await tunnel(addresses.books, keysOf(account), { authority, payload })
          assert.deepEqual(said, { status: 401, text: '', peer: identityOf('books') })
        }
      const forwarded = { forwarded: 'for=10.0.0.1;by=waypoint', 'x-istio-source': 'waypoint' }
      const said = await tunnel(addresses.books, keysOf('reader'), {
        authority: `${addresses.books}:8080`,
        headers: { ...forwarded, baggage: 'k8s.namespace.name=shop,service.name=tulle-waypoint' },
        payload,
      })
      assert.equal(said.status, 401)
    }))

  test('case 22: a tunnel to ports of the mesh itself leads nowhere', () =>
    receivesNothing(async () => {
      for (const port of [15_001, 15_006, 15_008]) {
        const authority = `${addresses.books}:${port}`
        const payload = get('/books', 'host: books')
        const said = await tunnel(addresses.waypoint, keysOf('reader'), { authority, payload })
        assert.doesNotMatch(said.text, /HTTP\/1\.1 200/u)
      }
    }))
})

describe('through the waypoint to elsewhere', () => {
  test('case 22: CONNECT to the waypoint leads to what is bound to it, and nowhere else', async () => {
    const payload = get('/books', 'host: books')
    const bound = await tunnel(addresses.waypoint, keysOf('reader'), {
      authority: `${addresses.service}:80`,
      payload,
    })
    assert.equal(bound.peer, waypointIdentity)
    assert.match(bound.text, /^HTTP\/1\.1 200 /u)
    const elsewhere = [
      `${addresses.service}:81`,
      `${addresses.service}:15008`,
      `${addresses.ledgerService}:80`,
      `${addresses.ledger}:8080`,
      '127.0.0.1:15020',
      '127.0.0.1:15000',
      '[::1]:15020',
      '0.0.0.0:15020',
      `${addresses.waypoint}:15020`,
      `${addresses.waypoint}:15008`,
      `${fabricAddress}:15012`,
      '169.254.169.254:80',
      '255.255.255.255:80',
      'ledger.shop.svc.cluster.local:80',
      'ledger:80',
      'localhost:15020',
      'example.com:443',
      'books.other.svc.cluster.local:80',
    ]
    for (const authority of elsewhere) {
      const said = await tunnel(addresses.waypoint, keysOf('auditor'), { authority, payload })
      assert.ok([400, 401, 404].includes(said.status), `${authority} was answered ${said.status}`)
      assert.equal(said.text, '', authority)
    }
    assert.deepEqual(await lab.received('ledger', ''), [])
  })

  test('nobody without a certificate of the mesh is heard at all', async () => {
    const stranger = { ...keysOf('reader'), ...forgedKeys(identityOf('reader')) }
    const said = await tunnel(addresses.waypoint, stranger, {
      authority: `${addresses.service}:80`,
      payload: get('/books', 'host: books'),
    })
    assert.deepEqual([said.status, said.text], [0, ''])
    const plain = await sayRaw(
      { pid: pids.outside, host: addresses.waypoint, port: 15_008 },
      `CONNECT ${addresses.service}:80 HTTP/1.1\r\nhost: x\r\n\r\n`,
    )
    assert.doesNotMatch(plain, /HTTP/u)
  })

  test('whom a caller may not reach, no Host header opens', async () => {
    for (const authority of ['ledger', 'ledger.shop', 'ledger.shop.svc.cluster.local', addresses.ledger]) {
      const answer = await lab.call('reader', { authority })
      assert.equal(answer.received?.by ?? 'books', 'books')
    }
    assert.deepEqual(await lab.received('ledger', ''), [])
    const said = await sayRaw(
      { pid: pids.reader, host: addresses.service, port: 80 },
      `CONNECT ${addresses.ledger}:8080 HTTP/1.1\r\nhost: ledger\r\n\r\n${get('/', 'host: ledger')}`,
    )
    assert.match(said, /^HTTP\/1\.1 4/u)
    assert.doesNotMatch(said, / 200 /u)
    assert.deepEqual(await lab.received('ledger', ''), [])
  })
})

describe('one request, two readings', () => {
  const raw = (...parts: readonly string[]): Promise<string> =>
    sayRaw({ pid: pids.reader, host: addresses.service, port: 80 }, ...parts)

  /** Targets that lead to /admin for somebody who reads them differently than the rule. */
  const targets = [
    '/books/../admin',
    '/books/%2e%2e/admin',
    '/books/.%2E/admin',
    '/books//../admin',
    '//admin',
    '/books/..%2fadmin',
    '/books%2f..%2fadmin',
    '/books/..\\admin',
    '/books/%5c../admin',
    '/books;/../admin',
    '/books/..;/admin',
    '/books\0/admin',
    '/books%00/../admin',
    '/admin#/books',
    '/admin%3f/../books/../admin',
    'http://books/admin',
    'http://ledger/books/../admin',
    'books:80',
    '*',
  ]
  for (const target of targets) {
    test(`case 10: ${JSON.stringify(target)} does not reach the backend as another path`, async () => {
      const before = (await lab.received('books', 'tricks')).length
      await raw(get(target, `host: ${host}`, 'x-echo-id: tricks', 'connection: close'))
      const got = (await lab.received('books', 'tricks')).slice(before)
      for (const one of got) {
        const path = one.target.split('?')[0] ?? ''
        // What has come through is what the rule covers, in every reading of it.
        assert.match(path, /^\/books(?:\/[a-z0-9]+)?$/u, one.target)
      }
    })
  }

  test('case 9: the path and the host of an absolute target are the ones that are judged', async () => {
    const said = await raw(
      get('http://ledger/books/7', 'host: ledger', 'x-echo-id: absolute', 'connection: close'),
    )
    assert.doesNotMatch(said, /"by":"ledger"/u)
    for (const { target, authority } of await lab.received('books', 'absolute'))
      assert.deepEqual([target, authority], ['/books/7', 'ledger'])
    assert.match(await raw(get('http://books/admin', 'host: books')), /^HTTP\/1\.1 403 /u)
    assert.match(await raw(get('http://ledger/books', 'host: books')), /^HTTP\/1\.1 4/u)
    assert.match(await raw(get('/books', 'host: books', 'host: ledger')), /^HTTP\/1\.1 400 /u)
    assert.match(await raw(get('/books')), /^HTTP\/1\.1 400 /u)
  })

  const admin = get('/admin', `host: ${host}`, 'x-echo-id: smuggled')
  const smuggling: readonly (readonly [name: string, bytes: string])[] = [
    [
      'Content-Length with Transfer-Encoding',
      `POST /books HTTP/1.1\r\nhost: books\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${admin}`,
    ],
    [
      'a GET with both',
      get('/books', 'host: books', `content-length: ${admin.length}`, 'transfer-encoding: chunked').concat(
        `0\r\n\r\n${admin}`,
      ),
    ],
    [
      'two lengths',
      get('/books', 'host: books', 'content-length: 0', `content-length: ${admin.length}`).concat(admin),
    ],
    ['a length with a sign', get('/books', 'host: books', `content-length: +${admin.length}`).concat(admin)],
    [
      'an unknown coding',
      get('/books', 'host: books', 'transfer-encoding: xchunked').concat(`0\r\n\r\n${admin}`),
    ],
    [
      'a space before the colon',
      get('/books', 'host: books', `content-length : ${admin.length}`).concat(admin),
    ],
    ['a bare LF', `GET /books HTTP/1.1\r\nhost: books\nx: y\r\n\r\n${admin}`],
    [
      'a folded header',
      get('/books', 'host: books', 'x: y', ` content-length: ${admin.length}`).concat(admin),
    ],
    ['a bare CR', get('/books', `host: books`, `x: y\rcontent-length: ${admin.length}`).concat(admin)],
    [
      'a chunk size too great',
      get('/books', 'host: books', 'transfer-encoding: chunked').concat(`10000000000000000\r\n${admin}`),
    ],
    [
      'a request in the body of a GET',
      get('/books', 'host: books', `content-length: ${admin.length}`).concat(admin),
    ],
    [
      'a chunk extension with a line feed',
      get('/books', 'host: books', 'transfer-encoding: chunked').concat(`2;\nxx\r\n0\r\n\r\n${admin}`),
    ],
  ]
  for (const [name, bytes] of smuggling) {
    test(`case 1: ${name} carries no second request past the rules`, async () => {
      const said = await raw(bytes)
      assert.deepEqual(await lab.received('books', 'smuggled'), [], said)
    })
  }

  test('each of several requests at once is judged by itself', async () => {
    const fine = get('/books', 'host: books')
    const said = await raw(
      fine,
      admin,
      fine,
      `DELETE /books HTTP/1.1\r\nhost: books\r\nx-echo-id: smuggled\r\n\r\n`,
    )
    assert.deepEqual(said.match(/HTTP\/1\.1 \d+/gu), [
      'HTTP/1.1 200',
      'HTTP/1.1 403',
      'HTTP/1.1 200',
      'HTTP/1.1 403',
    ])
    assert.deepEqual(await lab.received('books', 'smuggled'), [])
  })

  test('an upgrade to HTTP/2 in the clear opens no second way', async () => {
    const settings = [
      'connection: upgrade, http2-settings',
      'upgrade: h2c',
      'http2-settings: AAMAAABkAAQAoAAA',
    ]
    const said = await raw(
      get('/books', 'host: books', ...settings),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      admin,
    )
    assert.doesNotMatch(said, /HTTP\/1\.1 101/u)
    assert.deepEqual(await lab.received('books', 'smuggled'), [])
  })
})

describe('who the caller is', () => {
  const claims: readonly (readonly [string, string])[] = [
    ['x-forwarded-for', '10.0.0.1'],
    ['x-forwarded-client-cert', `By=${identityOf('books')};URI=${identityOf('reader')}`],
    ['forwarded', 'for=reader;by=waypoint'],
    ['x-envoy-peer-metadata-id', 'reader'],
    ['x-client-cert', identityOf('reader')],
    ['baggage', 'k8s.namespace.name=shop,service.name=reader'],
    ['authorization', 'Bearer reader'],
    ['x-original-url', '/books'],
    ['x-rewrite-url', '/books'],
    ['x-http-method-override', 'GET'],
  ]

  test('case 12: no header of a request makes somebody another', async () => {
    const headers = [...claims, ['x-echo-id', 'claims'] as const]
    assert.equal(await lab.status('guest', { headers }), 403)
    assert.equal(await lab.status('reader', { headers, path: '/admin' }), 403)
    assert.equal(await lab.status('reader', { headers, method: 'DELETE' }), 403)
    assert.deepEqual(await lab.received('books', 'claims'), [])
    assert.equal(await lab.status('reader', { headers }), 200)
    const [got] = await lab.received('books', 'claims')
    const names = new Set(got?.headers.map(([name]) => name.toLowerCase()))
    assert.equal(names.has('x-forwarded-client-cert'), false)
    assert.equal(names.has('x-envoy-peer-metadata-id'), false)
  })

  test('case 30: no field of a CONNECT makes somebody another', () =>
    receivesNothing(async () => {
      for (const account of ['guest', 'auditor']) {
        const said = await tunnel(addresses.waypoint, keysOf(account), {
          authority: `${addresses.service}:80`,
          headers: Object.fromEntries(claims),
          payload: get('/books', 'host: books'),
        })
        assert.match(said.text, /^HTTP\/1\.1 403 /u)
      }
    }))
})

describe('the identity of the waypoint', () => {
  test('a node gets no certificate of it, and it gets none of anybody else', async () => {
    const { state } = lab.folder
    const refused = /runs on node/u
    assert.match(await ask(state.node('node-1').token, waypointIdentity), refused)
    assert.match(await ask(state.node('node-2').token, waypointIdentity), refused)
    for (const account of ['books', 'reader', 'till'])
      assert.match(await ask(state.node(waypointNode).token, identityOf(account)), refused)
    assert.match(
      await ask(state.node(waypointNode).token, 'spiffe://cluster.local/ns/other/sa/tulle-waypoint'),
      refused,
    )
    assert.equal(await ask(state.node(waypointNode).token, waypointIdentity), 'issued')
  })

  test('a Workload that runs as its account is not accepted, gets no certificate and is nobody', async (t) => {
    lab.folder.write('thief.yaml', workloadDocuments('thief', 'tulle-waypoint'))
    t.after(async () => {
      lab.folder.write('thief.yaml', '')
      await lab.settle()
    })
    await lab.settle()
    const { items } = await lab.mesh.control.get<List<ObjectView>>('/v1/objects')
    const thief = items.find(({ kind, name }) => kind === 'Workload' && name === 'thief')
    const accepted = thief?.conditions.find(({ type }) => type === 'Accepted')
    assert.deepEqual([accepted?.status, accepted?.reason], ['False', 'ReservedAccount'])
    assert.match(await ask(lab.folder.state.node('node-1').token, waypointIdentity), /runs on node/u)
    const held = stolenKeys(pids.node, lab.folder.state.node('node-1').secrets).map(
      ({ identity }) => identity,
    )
    assert.equal(held.includes(waypointIdentity), false)
    const up = await lab.waypoints()
    assert.equal(up.length, 1)
    assert.equal(await lab.status('reader'), 200)
  })
})

/** What the certificate authority says to the holder of this token: `issued`, or why not. */
function ask(tokenFile: string, identity: string): Promise<string> {
  const script = fileURLToPath(new URL('../support/ask-certificate.ts', import.meta.url))
  const args = [`--net=/proc/${pids.node}/ns/net`, process.execPath, script]
  const words = [`${fabricAddress}:15012`, lab.folder.state.controlRoots, tokenFile, identity]
  return new Promise((resolve, reject) => {
    execFile('nsenter', [...args, ...words], { timeout: patienceMs }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim())
      else reject(new Error(`${error.message}\n${stderr}`))
    })
  })
}
