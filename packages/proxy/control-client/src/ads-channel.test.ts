import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openAdsChannel } from './ads-channel.ts'

test('openAdsChannel() names the file that it cannot use, and never falls back to public roots', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'tulle-channel-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const rootsFile = join(folder, 'roots.pem')
  const tokenFile = join(folder, 'token')
  const open = (): Promise<unknown> =>
    openAdsChannel({
      address: '127.0.0.1:1',
      rootsFile,
      tokenFile,
      serverName: 'tulle-control',
      clusterId: 'Kubernetes',
    })
  await assert.rejects(open(), {
    code: 'ADS_ROOTS_UNREADABLE',
    message: `expected a readable file at ${rootsFile}`,
  })
  await writeFile(rootsFile, '')
  await assert.rejects(open(), { code: 'ADS_ROOTS_UNREADABLE' })
  await writeFile(rootsFile, '-----BEGIN CERTIFICATE-----\n')
  await assert.rejects(open(), { code: 'ADS_TOKEN_UNREADABLE' })
  await writeFile(tokenFile, 'two tokens\n')
  await assert.rejects(open(), {
    code: 'ADS_TOKEN_UNREADABLE',
    message: `expected one token in ${tokenFile}`,
  })
})
