import { durationMs } from '@tulle/runtime'
import { z } from 'zod'

export const duration: z.ZodType<number> = z.string().transform((text, context): number => {
  const parsed = durationMs(text)
  if (!parsed.ok) context.addIssue(parsed.error)
  return parsed.ok ? parsed.value : 0
})

export function durationFrom(leastMs: number, mostMs: number): z.ZodType<number> {
  return duration.refine((ms) => ms >= leastMs && ms <= mostMs, `expected ${leastMs} to ${mostMs} ms`)
}
