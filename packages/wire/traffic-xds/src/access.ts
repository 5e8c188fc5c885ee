import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { AccessPolicy, AccessRule } from '@tulle/access'
import { err, errorText, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { decodeAuthorization, decodeList, encodeAuthorization, findForeignPart } from '@tulle/mesh-xds'
import { AccessSchema } from '@tulle/proto'
import type { AccessMessage, RequestRuleMessage } from '@tulle/proto'
import type { HttpMatch } from '@tulle/traffic'
import { decodeMatch } from './decode-match.ts'
import { matchMessage } from './encode-match.ts'

/** The bytes of a `tulle.traffic.v1.Access`: equal policies give equal bytes. */
export function encodeAccess(policy: AccessPolicy): Uint8Array {
  const connection = encodeAuthorization({ ...policy, rules: policy.rules.map((rule) => rule.connection) })
  const requests = policy.rules.map(({ requests: matches }) => ({
    reads: matches !== undefined,
    matches: (matches ?? []).map(matchMessage),
  }))
  return toBinary(AccessSchema, create(AccessSchema, { connection: Uint8Array.from(connection), requests }))
}

/** A policy from its bytes. As with the L4 policy it goes with, whatever is not understood in full is refused. */
export function decodeAccess(bytes: Uint8Array): Result<AccessPolicy> {
  let message: AccessMessage
  try {
    const foreign = findForeignPart(AccessSchema, bytes)
    if (foreign !== undefined) return err(foreign)
    message = fromBinary(AccessSchema, bytes)
  } catch (error) {
    return err(`not an Access: ${errorText(error)}`)
  }
  const policy = decodeAuthorization(message.connection)
  if (!policy.ok) return policy
  const { rules: connections, ...head } = policy.value
  if (connections.length !== message.requests.length)
    return err(`expected a part about requests for each of ${connections.length} rules`)
  const requests = decodeList(message.requests, 'requests', decodeRequests)
  if (!requests.ok) return requests
  const rules = connections.map((connection, i): AccessRule => ({ connection, ...requests.value[i] }))
  return ok({ ...head, rules })
}

function decodeRequests({
  reads,
  matches,
}: RequestRuleMessage): Result<{ readonly requests?: readonly HttpMatch[] }> {
  if (!reads) return matches.length === 0 ? ok({}) : err('matches of a rule that does not read')
  const decoded = decodeList(matches, 'matches', decodeMatch)
  return decoded.ok ? ok({ requests: decoded.value }) : decoded
}
