import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { HostsFiles, hostsLines } from './hosts-files.ts'

const entries = [
  { name: 'books', address: '240.240.0.1', namespace: 'a' },
  { name: 'books.a', address: '240.240.0.1' },
  { name: 'books', address: '240.240.0.2', namespace: 'b' },
]

test('hostsLines() gives a bare name the meaning that it has in the namespace', () => {
  const local = ['127.0.0.1 localhost', '::1 localhost']
  assert.deepEqual(hostsLines(entries, 'a'), [...local, '240.240.0.1 books books.a'])
  assert.deepEqual(hostsLines(entries, 'b'), [...local, '240.240.0.1 books.a', '240.240.0.2 books'])
})

/** What a reader takes from the text. */
function linesOf(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .toSorted()
}

test('HostsFiles.update() writes in place: a mounted file stays the same file', () => {
  using folder = temporaryFolder()
  const hosts = new HostsFiles(folder.path)
  const path = hosts.pathFor('a')
  const before = statSync(path).ino
  for (const now of [entries, entries.slice(2), []]) {
    hosts.update(now)
    assert.equal(statSync(path).ino, before)
    assert.deepEqual(linesOf(readFileSync(path, 'utf8')), hostsLines(now, 'a').toSorted())
  }
})

test('HostsFiles.update() takes nothing that stays from somebody who reads meanwhile, wherever they are', () => {
  const some = Array.from({ length: 20 }, (_, i) => ({ name: `s${i}`, address: `240.240.0.${i}` }))
  for (let readBytes = 0; readBytes < 400; readBytes += 7) {
    using folder = temporaryFolder()
    const hosts = new HostsFiles(folder.path)
    hosts.update(some)
    const fd = openSync(hosts.pathFor('a'), 'r')
    const begin = Buffer.alloc(readBytes)
    const first = begin.toString('latin1', 0, readSync(fd, begin, 0, readBytes, null))
    // One leaves, one moves and two come.
    const changed = some.slice(1).with(4, { name: 's5', address: '240.240.1.5' })
    hosts.update([{ name: 'a', address: '240.240.0.0' }, ...changed, { name: 'z', address: '240.240.9.9' }])
    const seen = linesOf(first + readFileSync(fd, 'latin1'))
    closeSync(fd)
    for (const { name, address } of changed)
      assert.ok(
        name === 's5' ? seen.some((line) => line.endsWith(' s5')) : seen.includes(`${address} ${name}`),
        `${name}, read after ${readBytes} bytes`,
      )
  }
})

test('HostsFiles.update() grows with what there is, not with how often that changes', () => {
  using folder = temporaryFolder()
  const hosts = new HostsFiles(folder.path)
  const path = hosts.pathFor('a')
  for (let i = 0; i < 10_000; i++) hosts.update([{ name: 'books', address: `240.240.${i >> 8}.${i & 255}` }])
  assert.ok(statSync(path).size < 200_000, `${statSync(path).size} bytes`)
  assert.ok(readFileSync(path, 'utf8').includes('\n240.240.39.15 books\n'))
})

function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'tulle-hosts-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}
