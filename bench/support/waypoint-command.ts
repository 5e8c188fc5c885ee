export interface WaypointPlan {
  /** Its file. */
  readonly config: string
  readonly accessLog: string
  readonly maxConnections: number
  /** Of those that run at the same time, each has its own. */
  readonly metricsPort?: number
}

/** `tulle waypoint` as it is run, on one thread: metrics and access log on. */
export function waypointArguments(plan: WaypointPlan): readonly string[] {
  const { config, accessLog, maxConnections, metricsPort = 15_020 } = plan
  const flags = {
    config,
    workers: '1',
    'max-connections': `${maxConnections}`,
    'admin-port': '0',
    'health-port': '0',
    'metrics-port': `${metricsPort}`,
    'log-level': 'warn',
    'access-log': accessLog,
  }
  return ['waypoint', ...Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value])]
}
