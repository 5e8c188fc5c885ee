import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCheck } from './run-check.ts'

const testdata = join(import.meta.dirname, 'testdata')
const rejected = join(testdata, 'rejected.in')

function emptyFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'tulle-check-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

test('runCheck() accepts the example that we ship', async () => {
  const bookstore = join(import.meta.dirname, '../../../../examples/bookstore')
  const { exitCode, text } = await runCheck({ files: [bookstore], output: 'text', color: false })
  assert.equal(exitCode, 0)
  assert.match(text, /^\d+ objects accepted in \d+ files$/u)
})

test('runCheck() accepts the bookstore with the traffic that we ship for it', async () => {
  const examples = join(import.meta.dirname, '../../../../examples')
  const files = [join(examples, 'bookstore'), join(examples, 'traffic')]
  const { exitCode, text } = await runCheck({ files, output: 'text', color: false })
  assert.equal(exitCode, 0, text)
  assert.match(text, /^\d+ objects accepted in \d+ files$/mu)
})

test('runCheck() ends with 2 where a path is none, and names each', async () => {
  const { exitCode, text } = await runCheck({
    files: ['/no/such/a.yaml', rejected, '/no/such/b'],
    output: 'text',
    color: false,
  })
  assert.equal(exitCode, 2)
  assert.equal(
    text,
    '/no/such/a.yaml: there is no such file or folder\n/no/such/b: there is no such file or folder',
  )
})

test('runCheck() ends with 2 where there is nothing to check: it must not praise what it did not read', async () => {
  using folder = emptyFolder()
  const { exitCode, text } = await runCheck({ files: [folder.path], output: 'text', color: false })
  assert.equal(exitCode, 2)
  assert.match(text, /^no manifests in /u)
})

test('runCheck() reads what is named twice once', async () => {
  const file = join(testdata, 'accepted.in', 'access.yaml')
  const { exitCode, text } = await runCheck({
    files: [join(testdata, 'accepted.in'), file, file],
    output: 'text',
    color: false,
  })
  assert.equal(exitCode, 0)
  assert.match(text, /^8 objects accepted in 3 files$/u)
})

test('runCheck() tells of one object in two paths', async () => {
  using folder = emptyFolder()
  const copy = join(folder.path, 'copy.yaml')
  writeFileSync(
    copy,
    'apiVersion: specs.smi-spec.io/v1alpha4\nkind: TCPRoute\nmetadata: {name: books-port}\nspec: {}\n',
  )
  const { exitCode, text } = await runCheck({
    files: [join(testdata, 'accepted.in'), copy],
    output: 'text',
    color: false,
  })
  assert.equal(exitCode, 1)
  assert.match(text, /copy\.yaml:1:1: error \[API_DUPLICATE_OBJECT\]/u)
})

test('runCheck() prints data with -o json', async () => {
  const { exitCode, text } = await runCheck({ files: [rejected], output: 'json', color: true })
  const data = JSON.parse(text) as {
    readonly accepted: boolean
    readonly summary: { readonly errors: number; readonly warnings: number }
    readonly findings: readonly Readonly<Record<string, unknown>>[]
  }
  assert.equal(exitCode, 1)
  assert.equal(data.accepted, false)
  assert.equal(data.findings.filter(({ severity }) => severity === 'error').length, data.summary.errors)
  assert.equal(
    Object.keys(data.findings[0] ?? {}).join(' '),
    'severity code file line column object path message',
  )
})

test('runCheck() paints and shows lines only where a person looks', async () => {
  const plain = await runCheck({ files: [rejected], output: 'text', color: false })
  const painted = await runCheck({ files: [rejected], output: 'text', color: true })
  assert.ok(!plain.text.includes('\u001B') && !plain.text.includes('^'))
  assert.ok(painted.text.includes('\u001B[31merror') && painted.text.includes('^'))
})
