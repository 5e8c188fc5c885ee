import type { TlsRoutes } from '@tulle/traffic'

type TlsEntry = TlsRoutes['entries'][number]

/**
 * Who takes a connection, by the name that its client asks for: whole names before wildcards, longer wildcards before shorter
 * ones, those for any name last. Undefined: nobody. @see Gateway API, Hostname
 */
export function tlsEntryFor({ entries }: TlsRoutes, serverName: string | undefined): TlsEntry | undefined {
  let best: TlsEntry | undefined
  let bestRank = -1
  for (const entry of entries) {
    const rank = rankOf(entry, serverName)
    if (rank <= bestRank) continue
    best = entry
    bestRank = rank
  }
  return best
}

/** How exactly an entry means the name; -1: not at all. */
function rankOf({ hostnames }: TlsEntry, serverName: string | undefined): number {
  if (hostnames.length === 0) return 0
  if (serverName === undefined) return -1
  return Math.max(
    ...hostnames.map((hostname) => {
      if (hostname === serverName) return Infinity
      const covers = hostname.startsWith('*.') && serverName.endsWith(hostname.slice(1))
      return covers && serverName.length >= hostname.length ? hostname.length : -1
    }),
  )
}
