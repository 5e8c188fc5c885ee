import type { KeyObject } from 'node:crypto'
import { must } from '@tulle/core'
import { readBits, readDer } from './der-read.ts'
import { tags } from './der-write.ts'

/** The bits of a key within its SubjectPublicKeyInfo. @see RFC 5280 §4.1.2.7 */
export function publicKeyBits(key: KeyObject): Uint8Array {
  const spki = key.export({ type: 'spki', format: 'der' })
  return must(
    readDer('public key', spki, (reader) =>
      reader.within(tags.sequence, (info) => {
        info.raw(tags.sequence)
        return readBits(info)
      }),
    ),
  )
}
