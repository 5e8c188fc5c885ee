import { z } from 'zod'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'

export const namespaceV1: KindVersion = kindVersion({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  namespaced: false,
  name: 'label',
  spec: z.unknown().optional(),
  toHub: () => ({}),
})
