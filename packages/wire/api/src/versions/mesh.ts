import { parseTrustDomain } from '@tulle/identity'
import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import type { MeshSpec } from '../kinds.ts'
import { checked, closed } from '../shapes.ts'

const trustDomain = checked(z.string(), (value) => {
  const parsed = parseTrustDomain(value)
  return parsed.ok ? [] : [{ code: 'API_BAD_VALUE', message: parsed.error }]
})

const spec = closed({
  trustDomain: trustDomain.optional(),
  mtls: z.enum(['permissive', 'strict']).default('permissive'),
  access: z.enum(['enforce-selected', 'audit', 'enforce']).default('enforce-selected'),
})

export const meshV1alpha1: KindVersion = kindVersion({
  group: 'tulle.dev',
  version: 'v1alpha1',
  kind: 'Mesh',
  namespaced: false,
  spec: spec.prefault({}),
  toHub: ({ trustDomain: domain, mtls, access }): MeshSpec => ({
    mtls,
    access,
    ...(domain === undefined ? {} : { trustDomain: domain }),
  }),
})
