export interface WaypointPlan {
  /** Its file. */
  readonly config: string
  readonly accessLog: string
  readonly maxConnections: number
}

/** `tulle waypoint` as it is run, on one thread: metrics and access log on. */
export function waypointArguments({ config, accessLog, maxConnections }: WaypointPlan): readonly string[] {
  const flags = {
    config,
    workers: '1',
    'max-connections': `${maxConnections}`,
    'admin-port': '0',
    'health-port': '0',
    'metrics-port': '15020',
    'log-level': 'warn',
    'access-log': accessLog,
  }
  return ['waypoint', ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])]
}
