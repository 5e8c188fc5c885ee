import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { must, TestClock } from '@tulle/core'
import { parseTrustDomain, rootsOf } from '@tulle/identity'
import { createLog } from '@tulle/runtime'
import { certificatePem, createCsr, csrPem, generateKeyPair, keyPem } from '@tulle/x509'
import { identityOf, TestCa, until } from './certificate-fixture.ts'
import { PemCertificateSource } from './certificate-pem-source.ts'

const never = new AbortController().signal
const web = identityOf('web')
let base = ''
let count = 0

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'tulle-pem-'))
})
after(() => rm(base, { recursive: true }))

interface Files {
  readonly keyFile: string
  readonly chainFile: string
  readonly rootsFile: string
}

async function write(files: Files, ca: TestCa, identity = web): Promise<void> {
  const keyPair = generateKeyPair()
  const [chain = '', roots = ''] = ca.sign(csrPem(createCsr({ identity, keyPair })))
  await writeFile(files.keyFile, keyPem(keyPair.privateKey))
  await writeFile(files.chainFile, chain)
  await writeFile(files.rootsFile, roots)
}

function bench(): {
  clock: TestClock
  ca: TestCa
  files: Files
  source: PemCertificateSource
  lines: string[]
} {
  const clock = new TestClock()
  const folder = join(base, String(count++))
  const files = { keyFile: `${folder}.key`, chainFile: `${folder}.crt`, rootsFile: `${folder}.ca` }
  const lines: string[] = []
  const log = createLog({ level: 'info', clock, write: (line) => lines.push(line) })
  return {
    clock,
    ca: new TestCa(clock),
    files,
    lines,
    source: new PemCertificateSource(files, { clock, log }),
  }
}

describe('PemCertificateSource', () => {
  test('reads one certificate with the roots of its trust domain', async () => {
    const { ca, files, source } = bench()
    await write(files, ca)
    await using _end = source
    await source.start(never)
    const [held] = source.current
    assert.equal(held?.identity, web)
    const roots = rootsOf(held.bundle, must(parseTrustDomain('cluster.local')))
    assert.deepEqual(roots, [certificatePem(ca.roots[0]!.certificate)])
  })

  test('takes over new files, and keeps the old certificate while they do not fit together', async () => {
    const { clock, ca, files, source, lines } = bench()
    await write(files, ca)
    await using _end = source
    await source.start(never)
    const told: number[] = []
    source.subscribe((list) => told.push(list.length))
    const [first] = source.current
    await clock.advance(10_000)
    assert.deepEqual([source.current[0] === first, told.length], [true, 0])

    await writeFile(files.keyFile, keyPem(generateKeyPair().privateKey))
    await source.reload()
    await source.reload()
    assert.equal(source.current[0], first)
    assert.equal(lines.length, 1, 'said once')
    assert.match(lines[0] ?? '', /for our key/u)
    await rm(files.chainFile)
    await source.reload()
    assert.equal(source.current[0], first)

    await write(files, ca, identityOf('other'))
    await clock.advance(2000)
    await until(() => told.length === 1)
    assert.equal(source.current[0]?.identity, identityOf('other'))
  })

  test('looks at the files as they are when it is told to, also while it is looking', async () => {
    const { ca, files, source, lines } = bench()
    await write(files, ca)
    await using _end = source
    await source.start(never)
    const under = source.reload()
    writeFileSync(files.keyFile, keyPem(generateKeyPair().privateKey))
    await source.reload()
    assert.equal(lines.length, 1)
    await under
  })

  test('does not start without a usable certificate', async () => {
    const { ca, files, source } = bench()
    await assert.rejects(source.start(never), { code: 'CERTIFICATE_FILE', message: /can't be read/u })
    await write(files, ca)
    await writeFile(files.rootsFile, '')
    await assert.rejects(source.start(never), {
      code: 'CERTIFICATE_FILE',
      message: /roots: expected a certificate/u,
    })
  })

  test('leaves no timer behind', async () => {
    const { clock, ca, files, source } = bench()
    await write(files, ca)
    await source.start(never)
    await source[Symbol.asyncDispose]()
    assert.equal(clock.pending, 0)
  })
})
