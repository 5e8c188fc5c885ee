import type {
  FaultInjection,
  LocalityPreference,
  Resilience,
  RetryRule,
  SessionPersistence,
} from '@tulle/traffic'
import { nearnessNames, rateLimitNames, sessionNames } from './enum-names.ts'
import type { ResilienceInit, SessionInit } from './message-init.ts'

export function resilienceMessage(resilience: Resilience): ResilienceInit {
  const { retry, retryBudget, outliers, limits, fault, rateLimit, hedging, locality, session } = resilience
  return {
    ...(retry === undefined ? {} : { retry: retryMessage(retry) }),
    ...(retryBudget === undefined ? {} : { retryBudget: { ...retryBudget } }),
    ...(outliers === undefined ? {} : { outliers: { ...outliers } }),
    ...(limits === undefined ? {} : { limits: { ...limits } }),
    ...(fault === undefined ? {} : { fault: faultMessage(fault) }),
    ...(rateLimit === undefined
      ? {}
      : { rateLimit: { ...rateLimit, per: rateLimitNames.numberOf[rateLimit.per] } }),
    ...(hedging === undefined ? {} : { hedging: { ...hedging } }),
    ...(locality === undefined ? {} : { locality: localityMessage(locality) }),
    ...(session === undefined ? {} : { session: sessionMessage(session) }),
  }
}

export function retryMessage(retry: RetryRule): NonNullable<ResilienceInit['retry']> {
  return { ...retry, statusCodes: [...retry.statusCodes] }
}

export function sessionMessage(session: SessionPersistence): SessionInit {
  return { ...session, kind: sessionNames.numberOf[session.kind] }
}

function localityMessage({ prefer, failover }: LocalityPreference): NonNullable<ResilienceInit['locality']> {
  return { prefer: nearnessNames.numberOf[prefer], failover: nearnessNames.numberOf[failover] }
}

function faultMessage({ delay, abort }: FaultInjection): NonNullable<ResilienceInit['fault']> {
  return {
    ...(delay === undefined ? {} : { delay: { ms: delay.ms, fraction: { ...delay.fraction } } }),
    ...(abort === undefined ? {} : { abort: { status: abort.status, fraction: { ...abort.fraction } } }),
  }
}
