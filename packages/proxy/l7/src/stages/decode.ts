import { isMethod, isProtocolName, mayUpgradeTo, TakenNames } from '@tulle/http1'
import type { Fields } from '@tulle/http1'
import { localReply } from '../local-reply.ts'
import type { LocalReply } from '../local-reply.ts'
import type { Stage } from './stage.ts'

/**
 * What proxies tell each other about the client. Here the connection tells it, so that what a client says of itself in these
 * never reaches a backend that believes them. Nor do other spellings of what frames a message.
 */
const claimedFields = new TakenNames(
  [
    'x-envoy-external-address',
    'x-envoy-internal',
    'x-envoy-original-path',
    'x-envoy-peer-metadata',
    'x-envoy-peer-metadata-id',
    'x-forwarded-client-cert',
  ],
  ['content-length', 'transfer-encoding'],
)

/** What only the codec knew has become a head; what must not be in it leaves. */
export const decode: Stage = ({ head, fields }) => {
  // RFC 9110 §9.3.6: it would lead through this proxy to wherever the client names.
  if (head.method === 'CONNECT' && head.protocol === undefined)
    return localReply(405, 'connect_refused', { flag: 'DPE', body: 'CONNECT is not offered here' })
  // As HTTP/1.1 has it: to some servers `delete` is DELETE, to no rule.
  if (head.version === '2' && !isMethod(head.method))
    return localReply(501, 'bad_method', { flag: 'DPE', body: 'no such method' })
  const refusal = head.protocol === undefined ? undefined : upgradeRefusal(head.protocol)
  if (refusal !== undefined) return refusal
  removeClaims(fields)
  return undefined
}

/** From the fields of a head, or from those behind a payload. */
export function removeClaims(fields: Fields): void {
  fields.removeAll(claimedFields)
}

/** HTTP/1.1 lets a server pass over an Upgrade that it does not grant; an extended CONNECT has nothing else to say. */
function upgradeRefusal(protocol: string): LocalReply | undefined {
  if (!isProtocolName(protocol))
    return localReply(400, 'bad_protocol', { flag: 'DPE', body: 'the protocol is malformed' })
  if (mayUpgradeTo(protocol)) return undefined
  return localReply(501, 'upgrade_refused', { flag: 'DPE', body: `no tunnel for ${protocol} is opened here` })
}
