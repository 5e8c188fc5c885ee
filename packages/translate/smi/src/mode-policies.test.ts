import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultMeshSettings } from '@tulle/workloads'
import { denyByDefault, modePolicies, strictMtls } from './mode-policies.ts'

test('modePolicies() is empty for the defaults, and for audit', () => {
  assert.deepEqual(modePolicies(defaultMeshSettings), [])
  assert.deepEqual(modePolicies({ ...defaultMeshSettings, access: 'audit' }), [])
})

test('modePolicies() enforces what the modes say, audited or not', () => {
  assert.deepEqual(modePolicies({ ...defaultMeshSettings, access: 'enforce' }), [denyByDefault])
  assert.deepEqual(modePolicies({ ...defaultMeshSettings, access: 'audit', mtls: 'strict' }), [strictMtls])
  assert.deepEqual([denyByDefault.dryRun, strictMtls.dryRun], [false, false])
})
