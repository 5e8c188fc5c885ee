import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLeaf, createRoot, generateKeyPair, verifyChain } from './index.ts'
import type { Certificate, ChainOptions, Signer } from './index.ts'

const hourMs = 3_600_000
const nowMs = Date.UTC(2026, 5, 1)
const validity = { notBeforeMs: nowMs - hourMs, notAfterMs: nowMs + hourMs }
const { publicKey } = generateKeyPair()
const web = 'spiffe://cluster.local/ns/shop/sa/web'

const rootA = ca('a')
const rootB = ca('b')
const middle = ca('middle', { issuer: rootA, pathLength: 0 })

function ca(commonName: string, more: Partial<Parameters<typeof createRoot>[0]> = {}): Signer {
  return createRoot({ subject: { commonName }, ...validity, ...more })
}

function leafBy(issuer: Signer, times = validity): Certificate {
  return createLeaf({ issuer, publicKey, uriSans: [web], ...times })
}

function verdict(options: Partial<ChainOptions> & Pick<ChainOptions, 'leaf'>): string {
  const found = verifyChain({ intermediates: [], roots: [rootA.certificate], nowMs, ...options })
  return found.ok ? `path of ${found.value.length}` : found.error
}

describe('verifyChain accepts', () => {
  test('a leaf of the root', () => assert.equal(verdict({ leaf: leafBy(rootA) }), 'path of 2'))

  test('a leaf of an intermediate', () => {
    const options = { leaf: leafBy(middle), intermediates: [middle.certificate] }
    assert.equal(verdict(options), 'path of 3')
    assert.equal(verdict({ ...options, intermediates: [rootB.certificate, middle.certificate] }), 'path of 3')
  })

  test('either root while one replaces the other, also under one name', () => {
    const twin = ca('a')
    const roots = [twin.certificate, rootA.certificate]
    assert.equal(verdict({ leaf: leafBy(rootA), roots }), 'path of 2')
    assert.equal(verdict({ leaf: leafBy(twin), roots }), 'path of 2')
  })
})

describe('verifyChain refuses', () => {
  const deep = [rootA]
  for (let i = 0; i < 10; i++) deep.push(ca(`deep ${i}`, { issuer: deep[i]! }))
  const early = { notBeforeMs: nowMs + 1000, notAfterMs: nowMs + hourMs }
  const late = { notBeforeMs: nowMs - hourMs, notAfterMs: nowMs - 1000 }
  const dead = ca('dead', { issuer: rootA, ...late })
  const below = ca('below', { issuer: middle })
  const notCa = leafBy(rootA)
  const posing = { certificate: notCa, key: generateKeyPair().privateKey }

  const cases: readonly (readonly [string, Partial<ChainOptions> & Pick<ChainOptions, 'leaf'>, RegExp])[] = [
    ['a foreign root', { leaf: leafBy(rootB) }, /no root of its trust domain/u],
    [
      'a foreign root that the peer brings along',
      { leaf: leafBy(rootB), intermediates: [rootB.certificate] },
      /no root/u,
    ],
    ['no roots at all', { leaf: leafBy(rootA), roots: [] }, /no root/u],
    ['a missing intermediate', { leaf: leafBy(middle) }, /no root/u],
    ['an expired leaf', { leaf: leafBy(rootA, late) }, /expired/u],
    ['a leaf of the future', { leaf: leafBy(rootA, early) }, /not valid before/u],
    ['an expired intermediate', { leaf: leafBy(dead), intermediates: [dead.certificate] }, /expired/u],
    ['a CA as leaf', { leaf: middle.certificate }, /CA certificate/u],
    [
      'a CA below one that allows none',
      { leaf: leafBy(below), intermediates: [below.certificate, middle.certificate] },
      /allows no CA below/u,
    ],
    [
      'case 29: a very long chain',
      { leaf: leafBy(deep.at(-1)!), intermediates: deep.slice(1).map((signer) => signer.certificate) },
      /at most 8 intermediates/u,
    ],
    [
      'a leaf as issuer of another',
      {
        leaf: createLeaf({
          issuer: { ...posing, certificate: { ...notCa, subject: rootB.certificate.subject } },
          publicKey,
          ...validity,
        }),
        roots: [{ ...notCa, subject: rootB.certificate.subject }],
      },
      /is no CA/u,
    ],
    [
      'a forged signature under the name of the root',
      { leaf: leafBy({ certificate: rootA.certificate, key: generateKeyPair().privateKey }) },
      /signature of its issuer is wrong/u,
    ],
    [
      'a root that has expired',
      { leaf: leafBy(rootA), roots: [{ ...rootA.certificate, notAfterMs: nowMs - 1 }] },
      /expired/u,
    ],
    [
      'a critical extension that nobody knows',
      { leaf: { ...leafBy(rootA), unknownCritical: ['1.2.3'] } },
      /critical extension 1\.2\.3/u,
    ],
  ]
  for (const [name, options, expected] of cases) test(name, () => assert.match(verdict(options), expected))

  test('a forged self-signed certificate with a right SAN', () => {
    const forged = createRoot({ subject: { commonName: 'a' }, uriSans: [web], ...validity })
    assert.match(verdict({ leaf: { ...forged.certificate, isCa: false } }), /no root/u)
  })

  test('a loop of intermediates, in bounded time', () => {
    const names = ['x', 'y', 'z']
    const keys = names.map((name) => ca(name))
    const loop = keys.flatMap((signer, i) => [
      signer.certificate,
      ca(names[i]!, { issuer: keys[(i + 1) % 3]! }).certificate,
    ])
    assert.match(verdict({ leaf: leafBy(keys[0]!), intermediates: loop }), /no root|wrong/u)
  })
})
