import { controlOptions } from '@tulle/control'
import { nodeOptions, standaloneOptions } from '@tulle/node'
import { envNameOf, flagOf } from '@tulle/runtime'
import type { OptionTable } from '@tulle/runtime'
import { meshWaypointOptions, waypointOptions } from '@tulle/waypoint'

/** docs/reference/options.md, from the tables that the roles read their options by. */
export function optionsReference(): string {
  return [
    '# Options',
    '',
    'Generated: `npm run golden` writes it anew. Flags win over variables, these over defaults. Durations and sizes have a unit. An unknown flag, and an unknown variable that begins with `TULLE_`, is an error.',
    ...section('tulle control', controlOptions),
    ...section('tulle node', nodeOptions),
    ...section('tulle node --config FILE', standaloneOptions),
    ...section('tulle waypoint', meshWaypointOptions),
    ...section('tulle waypoint --config FILE', waypointOptions),
    '',
  ].join('\n')
}

function section(command: string, table: OptionTable): readonly string[] {
  const rows = Object.entries(table).map(([name, entry]) => {
    const value =
      entry.default === undefined ? 'required' : entry.default === '' ? 'none' : `\`${entry.default}\``
    return `| \`${flagOf(name)}\` | \`${envNameOf(name)}\` | ${value} | ${entry.doc.replaceAll('|', '\\|')} |`
  })
  return [
    '',
    `## \`${command}\``,
    '',
    '| flag | variable | default | what it does |',
    '|---|---|---|---|',
    ...rows,
  ]
}
