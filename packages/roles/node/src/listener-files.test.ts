import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { listenerFile, withListenerFile } from './listener-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'tulle-listeners-'))
after(() => rmSync(folder, { recursive: true }))
const workload = { uid: 'u', namespace: 'shop', name: 'books', serviceAccount: 'books', netns: 7 }

test('withListenerFile() leaves the namespace alone and listens where the file says', () => {
  const listeners = { hbone: { ip: '127.77.1.0', port: 15_008 } }
  writeFileSync(listenerFile(folder, workload), JSON.stringify({ trustDomain: 'here', listeners }))
  assert.deepEqual(withListenerFile(folder, workload), {
    ...workload,
    netns: undefined,
    trustDomain: 'here',
    listeners: { ...listeners, captured: false },
  })
})

test('withListenerFile() serves nobody by guess', () => {
  assert.throws(() => withListenerFile(folder, { ...workload, name: 'other' }), { code: 'ENOENT' })
})
