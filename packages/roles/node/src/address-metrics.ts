import type { MetricsRegistry } from '@tulle/runtime'

const states = ['present', 'absent', 'pending'] as const

export interface AddressMetrics {
  /** Somebody needed a name: it was known, it was or had been asked for, or too many had no answer yet. */
  lookedUp(outcome: 'known' | 'asked' | 'refused'): void
  /** The answer was that a name stands for nothing. */
  missed(): void
  held(names: Readonly<Record<(typeof states)[number], number>>): void
}

/** What a node that is told of addresses on demand asks for, and holds. */
export function addressMetrics(registry: MetricsRegistry): AddressMetrics {
  const lookups = registry.counter(
    'tulle_address_lookups_total',
    'Names that workers did not know and connections needed, by what became of the question.',
    ['outcome'],
  )
  const misses = registry.counter('tulle_address_misses_total', 'Answers that a name stands for nothing.', [])
  const names = registry.gauge(
    'tulle_address_names',
    'Names that are subscribed to, by what is known of them.',
    ['state'],
  )
  return {
    lookedUp: (outcome) => lookups.bind(outcome).inc(1),
    missed: () => misses.bind().inc(1),
    held: (counts) => {
      for (const state of states) names.bind(state).set(counts[state])
    },
  }
}
