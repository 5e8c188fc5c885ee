import { z } from 'zod'
import { defined } from '@tulle/core'
import { kindVersion } from '../kind-version.ts'
import type { KindVersion } from '../kind-version.ts'

/** Of what is in one, the mesh reads certificates alone. @see BackendTLSPolicy, caCertificateRefs: the key is `ca.crt` */
export const configMapV1: KindVersion = kindVersion({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  namespaced: true,
  body: 'data',
  spec: z.record(z.string(), z.unknown()).optional(),
  passedOver: ['binaryData', 'immutable'],
  toHub: (data = {}) => {
    const text = data['ca.crt']
    return defined({ caCertificates: typeof text === 'string' ? text : undefined })
  },
})
