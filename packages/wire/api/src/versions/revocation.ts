import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'
import { closed, list, nonEmpty } from '../shapes.ts'

const texts = list(nonEmpty).default([])

export const revocationV1alpha1: KindVersion = kindVersion({
  group: 'tulle.dev',
  version: 'v1alpha1',
  kind: 'Revocation',
  namespaced: false,
  spec: closed({ identities: texts, serials: texts }),
  toHub: ({ identities, serials }) => ({ identities, serials }),
})
