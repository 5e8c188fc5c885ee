import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { HostsFiles, hostsText } from './hosts-files.ts'

const entries = [
  { name: 'books', address: '240.240.0.1', namespace: 'a' },
  { name: 'books.a', address: '240.240.0.1' },
  { name: 'books', address: '240.240.0.2', namespace: 'b' },
]

test('hostsText() gives a bare name the meaning that it has in the namespace', () => {
  assert.equal(hostsText(entries, 'a'), '127.0.0.1 localhost\n::1 localhost\n240.240.0.1 books books.a\n')
  assert.equal(
    hostsText(entries, 'b'),
    '127.0.0.1 localhost\n::1 localhost\n240.240.0.1 books.a\n240.240.0.2 books\n',
  )
})

test('HostsFiles.update() writes in place: a mounted file stays the same file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tulle-hosts-'))
  try {
    const hosts = new HostsFiles(folder)
    const path = hosts.pathFor('a')
    const before = statSync(path).ino
    hosts.update(entries)
    assert.equal(statSync(path).ino, before)
    assert.equal(readFileSync(path, 'utf8'), hostsText(entries, 'a'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
