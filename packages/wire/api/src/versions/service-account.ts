import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { notPlain } from '../plain-shapes.ts'

export const serviceAccountV1: KindVersion = kindVersion({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  namespaced: true,
  spec: z.undefined().optional(),
  plainSpec: (spec) => (spec === undefined ? undefined : notPlain),
  passedOver: ['secrets', 'imagePullSecrets', 'automountServiceAccountToken'],
  toHub: () => ({}),
})
