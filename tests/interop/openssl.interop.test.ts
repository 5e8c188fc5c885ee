// The openssl command as the oracle of certificates, requests and roots.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { loadOrCreateAuthority } from '@tulle/ca'
import { must, systemClock } from '@tulle/core'
import { parseSpiffeId, parseTrustDomain, spiffeId } from '@tulle/identity'
import { createCsr, csrPem, generateKeyPair, keyPem, parseCsr } from '@tulle/x509'

const folder = mkdtempSync(join(tmpdir(), 'tulle-openssl-'))
after(() => rmSync(folder, { recursive: true }))
const file = (name: string): string => join(folder, name)
const web = spiffeId(must(parseSpiffeId('spiffe://cluster.local/ns/shop/sa/web')))
const trustDomain = must(parseTrustDomain('cluster.local'))
const pair = generateKeyPair()
const csr = csrPem(createCsr({ identity: web, keyPair: pair }))

function openssl(...args: readonly string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
}

describe('openssl', () => {
  test('verifies a request of ours', () => {
    writeFileSync(file('ours.csr'), csr)
    const text = openssl('req', '-in', 'ours.csr', '-noout', '-verify', '-text')
    assert.match(text, /URI:spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web/u)
    assert.match(text, /prime256v1/u)
  })

  test('verifies a chain of ours for clients and servers, and a TLS key of ours', async () => {
    const authority = await loadOrCreateAuthority({ folder: file('own'), trustDomain, clock: systemClock })
    const issued = must(authority.signWorkload(must(parseCsr(csr)), web))
    writeFileSync(file('leaf.crt'), issued.chainPem.join(''))
    writeFileSync(file('roots.crt'), issued.rootsPem)
    writeFileSync(file('leaf.key'), keyPem(pair.privateKey))
    for (const purpose of ['sslclient', 'sslserver']) {
      const args = ['-x509_strict', '-purpose', purpose, '-CAfile', 'roots.crt', 'leaf.crt']
      assert.match(openssl('verify', ...args), /leaf\.crt: OK/u)
    }
    const text = openssl('x509', '-in', 'leaf.crt', '-noout', '-text')
    assert.match(
      text,
      /X509v3 Subject Alternative Name: critical\s+URI:spiffe:\/\/cluster\.local\/ns\/shop\/sa\/web\n/u,
    )
    assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature\n/u)
    assert.match(text, /CA:FALSE/u)
    assert.match(openssl('verify', '-x509_strict', '-CAfile', 'roots.crt', 'roots.crt'), /OK/u)
    assert.match(openssl('pkey', '-in', 'leaf.key', '-check', '-noout'), /valid/u)
  })
})

describe('of what openssl writes', () => {
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'web.key')
  const request = (...extensions: readonly string[]): string =>
    openssl(
      'req',
      '-new',
      '-key',
      'web.key',
      '-subj',
      '/',
      ...extensions.flatMap((text) => ['-addext', text]),
    )

  test('parseCsr reads a request', () => {
    assert.deepEqual(must(parseCsr(request(`subjectAltName=URI:${web}`))).uriSans, [web])
  })

  test('parseCsr refuses extra extensions', () => {
    for (const extra of ['basicConstraints=CA:TRUE', 'keyUsage=keyCertSign', 'extendedKeyUsage=clientAuth']) {
      const found = parseCsr(request(`subjectAltName=URI:${web}`, extra))
      assert.match(found.ok ? 'accepted' : found.error, /not allowed/u)
    }
  })

  for (const [name, algorithm] of [
    ['P-256', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['P-384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['RSA', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
  ] as const) {
    test(`loadOrCreateAuthority takes a user's ${name} root and intermediate, and openssl verifies its leaves`, async () => {
      const own = file(name)
      const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign']
      execFileSync('mkdir', ['-m', '700', own])
      openssl('genpkey', ...algorithm, '-out', `${name}.root.key`)
      openssl(
        'req',
        '-x509',
        '-new',
        '-key',
        `${name}.root.key`,
        '-subj',
        '/CN=users root',
        '-days',
        '30',
        '-out',
        `${name}.root.crt`,
      )
      openssl('genpkey', ...algorithm, '-out', join(own, 'root.key'))
      openssl(
        'req',
        '-new',
        '-key',
        join(own, 'root.key'),
        '-subj',
        '/CN=users ca',
        ...ca,
        '-out',
        `${name}.csr`,
      )
      const sign = ['-CA', `${name}.root.crt`, '-CAkey', `${name}.root.key`, '-CAcreateserial', '-days', '20']
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-copy_extensions',
        'copyall',
        ...sign,
        '-out',
        `${name}.ca.crt`,
      )
      const chain =
        readFileSync(file(`${name}.ca.crt`), 'utf8') + readFileSync(file(`${name}.root.crt`), 'utf8')
      writeFileSync(join(own, 'root.crt'), chain)

      const authority = await loadOrCreateAuthority({ folder: own, trustDomain, clock: systemClock })
      const issued = must(authority.signWorkload(must(parseCsr(csr)), web))
      assert.equal(issued.chainPem.length, 2)
      writeFileSync(file('roots.crt'), issued.rootsPem)
      writeFileSync(file('ca.crt'), issued.chainPem[1] ?? '')
      writeFileSync(file('leaf.crt'), issued.chainPem[0] ?? '')
      const args = ['-purpose', 'sslclient', '-CAfile', 'roots.crt', '-untrusted', 'ca.crt', 'leaf.crt']
      assert.match(openssl('verify', ...args), /leaf\.crt: OK/u)
    })
  }
})
