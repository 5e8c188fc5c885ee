import type { Backend, HttpFilter, WeightedBackend } from './backend.ts'
import type { Routes } from './routes.ts'

/** Whatever routes lead to, copies of requests included; each as often as it stands there. */
export function backendsOf(routes: Routes): readonly Backend[] {
  switch (routes.kind) {
    case 'tcp':
      return routes.backends.map(({ backend }) => backend)
    case 'tls':
      return routes.entries.flatMap(({ backends }) => backends.map(({ backend }) => backend))
    case 'http':
      return routes.entries.flatMap(({ rule }) => [
        ...mirrorsOf(rule.filters),
        ...rule.backends.flatMap(withMirrors),
      ])
  }
}

function withMirrors({ backend, filters }: WeightedBackend): readonly Backend[] {
  return [backend, ...mirrorsOf(filters)]
}

function mirrorsOf(filters: readonly HttpFilter[]): readonly Backend[] {
  return filters.flatMap((filter) => (filter.kind === 'mirror' ? [filter.backend] : []))
}
