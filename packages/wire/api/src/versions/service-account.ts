import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'

export const serviceAccountV1: KindVersion = kindVersion({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  namespaced: true,
  spec: z.undefined().optional(),
  passedOver: ['secrets', 'imagePullSecrets', 'automountServiceAccountToken'],
  toHub: () => ({}),
})
