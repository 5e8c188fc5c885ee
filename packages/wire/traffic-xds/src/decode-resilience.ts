import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { decodeEnum } from '@tulle/mesh-xds'
import type {
  FaultInjectionMessage,
  FractionMessage,
  ResilienceMessage,
  SessionPersistenceMessage,
} from '@tulle/proto'
import type {
  FaultInjection,
  Fraction,
  LocalityPreference,
  RateLimit,
  Resilience,
  RetryRule,
  SessionPersistence,
} from '@tulle/traffic'
import { decodeFraction } from './decode-backend.ts'
import { nearnessNames, rateLimitNames, sessionNames } from './enum-names.ts'

export function decodeResilience(message: ResilienceMessage): Result<Resilience> {
  const fault = decodeFault(message.fault)
  if (!fault.ok) return fault
  const rateLimit = decodeRateLimit(message.rateLimit)
  if (!rateLimit.ok) return rateLimit
  const session = decodeSession(message.session)
  if (!session.ok) return session
  const locality = decodeLocality(message.locality)
  if (!locality.ok) return locality
  const { retry, retryBudget, outliers, limits, hedging } = message
  return ok({
    ...(retry === undefined ? {} : { retry: retryOf(retry) }),
    ...(retryBudget === undefined ? {} : { retryBudget: plain(retryBudget) }),
    ...(outliers === undefined ? {} : { outliers: plain(outliers) }),
    ...(limits === undefined ? {} : { limits: plain(limits) }),
    ...(hedging === undefined ? {} : { hedging: plain(hedging) }),
    ...fault.value,
    ...rateLimit.value,
    ...locality.value,
    ...session.value,
  })
}

export function retryOf(message: NonNullable<ResilienceMessage['retry']>): RetryRule {
  return plain(message)
}

export function decodeSession(
  message: SessionPersistenceMessage | undefined,
): Result<{ readonly session?: SessionPersistence }> {
  if (message === undefined) return ok({})
  const kind = decodeEnum(sessionNames, message.kind, 'carrier of a session')
  if (!kind.ok) return kind
  if (message.name === '') return err('a session without a name')
  const { name, absoluteTimeoutMs } = message
  return ok({ session: { kind: kind.value, name, absoluteTimeoutMs } })
}

function decodeRateLimit(
  message: ResilienceMessage['rateLimit'],
): Result<{ readonly rateLimit?: RateLimit }> {
  if (message === undefined) return ok({})
  const per = decodeEnum(rateLimitNames, message.per, 'scope of a rate limit')
  if (!per.ok) return per
  const { requestsPerSecond, burst } = message
  if (!(requestsPerSecond > 0) || !(burst >= 0)) return err('a rate limit without a rate')
  return ok({ rateLimit: { requestsPerSecond, burst, per: per.value } })
}

function decodeLocality(
  message: ResilienceMessage['locality'],
): Result<{ readonly locality?: LocalityPreference }> {
  if (message === undefined) return ok({})
  const prefer = decodeEnum(nearnessNames, message.prefer, 'preferred locality')
  if (!prefer.ok) return prefer
  const failover = decodeEnum(nearnessNames, message.failover, 'locality to fail over to')
  return failover.ok ? ok({ locality: { prefer: prefer.value, failover: failover.value } }) : failover
}

function decodeFault(
  message: FaultInjectionMessage | undefined,
): Result<{ readonly fault?: FaultInjection }> {
  if (message === undefined) return ok({})
  const delay = decodeShare(message.delay)
  if (!delay.ok) return delay
  const abort = decodeShare(message.abort)
  if (!abort.ok) return abort
  return ok({
    fault: {
      ...(delay.value === undefined
        ? {}
        : { delay: { ms: delay.value.what.ms, fraction: delay.value.fraction } }),
      ...(abort.value === undefined
        ? {}
        : { abort: { status: abort.value.what.status, fraction: abort.value.fraction } }),
    },
  })
}

/** A fault, and the share of requests that it is for. */
function decodeShare<Fault extends { readonly fraction?: FractionMessage | undefined }>(
  what: Fault | undefined,
): Result<{ readonly what: Fault; readonly fraction: Fraction } | undefined> {
  if (what === undefined) return ok(undefined)
  const fraction = decodeFraction(what.fraction)
  return fraction.ok ? ok({ what, fraction: fraction.value }) : fraction
}

interface OwnFields {
  readonly $typeName: string
  readonly $unknown?: unknown
}

/** The fields of a message that has nothing but numbers, texts and lists of them. */
function plain<Message extends OwnFields>(message: Message): Omit<Message, keyof OwnFields> {
  const { $typeName: _name, $unknown: _unknown, ...fields } = message
  return fields
}
