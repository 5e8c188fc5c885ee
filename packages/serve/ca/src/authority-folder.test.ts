import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { must, TestClock } from '@tulle/core'
import { parseTrustDomain } from '@tulle/identity'
import { createRoot, joinPem, keyPem } from '@tulle/x509'
import type { CertificateAuthority } from './authority.ts'
import { loadOrCreateAuthority } from './authority-folder.ts'
import { makeRoot } from './authority-root.ts'

const trustDomain = must(parseTrustDomain('cluster.local'))
const clock = new TestClock()
const nowMs = clock.nowMs()
let base = ''
let count = 0

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'tulle-ca-'))
})
after(() => rm(base, { recursive: true }))

const fresh = (): string => join(base, `ca-${count++}`)
const load = (folder: string): Promise<CertificateAuthority> =>
  loadOrCreateAuthority({ folder, trustDomain, clock })

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

describe('loadOrCreateAuthority', () => {
  test('makes a root with files of mode 0600 in a folder of mode 0700, and finds it again', async () => {
    const folder = fresh()
    const first = await load(folder)
    assert.deepEqual((await readdir(folder)).toSorted(), ['root.crt', 'root.key'])
    assert.equal(await modeOf(folder), '700')
    for (const name of ['root.crt', 'root.key']) assert.equal(await modeOf(join(folder, name)), '600')
    const second = await load(folder)
    assert.equal(second.rootsPem, first.rootsPem)
    assert.equal(await readFile(join(folder, 'root.crt'), 'utf8'), first.rootsPem)
  })

  test('takes a root of the user, under any name', async () => {
    const folder = fresh()
    await load(folder)
    await rm(join(folder, 'root.crt'))
    await rm(join(folder, 'root.key'))
    const own = makeRoot({ name: 'company', trustDomain, nowMs })
    await writeFile(join(folder, 'company.crt'), joinPem(own.chain))
    await writeFile(join(folder, 'company.key'), keyPem(own.key!), { mode: 0o600 })
    assert.deepEqual(
      (await load(folder)).roots.map((root) => [root.name, root.signs]),
      [['company', true]],
    )
  })

  test('keeps each step of a rotation, and revocations', async () => {
    const folder = fresh()
    const ca = await load(folder)
    await ca.addRoot('second')
    assert.deepEqual(summary(await load(folder)), ['root*', 'second'])
    await ca.setSigner('second')
    assert.deepEqual(summary(await load(folder)), ['root', 'second*'])
    await ca.revoke({ identities: ['spiffe://cluster.local/ns/a/sa/b'], serials: ['0A'] })
    await ca.removeRoot('root')
    const again = await load(folder)
    assert.deepEqual(summary(again), ['second*'])
    assert.equal(again.rootsPem, ca.rootsPem)
    assert.deepEqual([...again.revocations.identities], ['spiffe://cluster.local/ns/a/sa/b'])
    assert.deepEqual([...again.revocations.serials], ['a'])
    for (const name of await readdir(folder)) assert.equal(await modeOf(join(folder, name)), '600')
  })

  test('loads what a crash in the middle of adding a root left', async () => {
    const folder = fresh()
    const ca = await load(folder)
    await rename(join(folder, 'root.crt'), join(folder, 'company.crt'))
    await rename(join(folder, 'root.key'), join(folder, 'company.key'))
    await (await load(folder)).addRoot('second')
    await rm(join(folder, 'second.key'))
    await writeFile(join(folder, 'third.crt.new'), 'half of it')
    const again = await load(folder)
    assert.deepEqual(summary(again), ['company*', 'second'])
    assert.ok(again.rootsPem.startsWith(ca.rootsPem))
  })

  const signer = createRoot({ notBeforeMs: nowMs, notAfterMs: nowMs + 1e9 })
  const broken: readonly (readonly [string, Readonly<Record<string, string>>, string, RegExp])[] = [
    [
      'a certificate that is none',
      { 'root.crt': 'hello' },
      'CA_BAD_ROOT',
      /root\.crt: expected a certificate/u,
    ],
    [
      'a key without certificate',
      { 'root.key': keyPem(signer.key) },
      'CA_BAD_ROOT',
      /root\.key: expected its certif/u,
    ],
    [
      'the only root without key',
      { 'root.crt': joinPem([signer.certificate]) },
      'CA_BAD_ROOT',
      /expected the key of the signing root root/u,
    ],
    [
      'an unknown signer',
      { signer: 'nobody\n' },
      'CA_BAD_ROOT',
      /signer: expected one of root, found "nobody"/u,
    ],
    ['broken revocations', { 'revocations.json': '{' }, 'CA_BAD_REVOCATIONS', /expected JSON/u],
    ['odd revocations', { 'revocations.json': '{"serial":[]}' }, 'CA_BAD_REVOCATIONS', /found "serial"/u],
    ['huge files', { 'root.crt': 'x'.repeat(1_048_577) }, 'CA_FOLDER', /at most 1048576/u],
  ]
  for (const [name, files, code, message] of broken) {
    test(`names the file in ${name}, and leaves it alone`, async () => {
      const folder = fresh()
      await load(folder)
      if ('root.crt' in files) await rm(join(folder, 'root.key'))
      if ('root.key' in files) await rm(join(folder, 'root.crt'))
      for (const [file, text] of Object.entries(files))
        await writeFile(join(folder, file), text, { mode: 0o600 })
      await assert.rejects(load(folder), { code, message })
      for (const [file, text] of Object.entries(files))
        assert.equal(await readFile(join(folder, file), 'utf8'), text)
    })
  }

  test('refuses a key that everybody may read', async () => {
    const folder = fresh()
    await load(folder)
    await chmod(join(folder, 'root.key'), 0o644)
    await assert.rejects(load(folder), { code: 'CA_KEY_EXPOSED', message: /found 0644; run chmod 600/u })
  })

  test('refuses a folder that is a file', async () => {
    const folder = fresh()
    await writeFile(folder, '')
    await assert.rejects(load(folder), { code: 'CA_FOLDER' })
  })
})

function summary(ca: CertificateAuthority): readonly string[] {
  return ca.roots.map((root) => (root.signs ? `${root.name}*` : root.name))
}
