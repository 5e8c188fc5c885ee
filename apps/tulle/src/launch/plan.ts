/** What the launcher is told, as JSON in its one argument. */
export interface LaunchPlan {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
  /** Of the process that starts the launcher: when it ends, so does what was launched. */
  readonly parentPid: number
  /** Absent where there are no namespaces; otherwise it is started inside the workload's network namespace. */
  readonly isolation?: LaunchIsolation
  readonly runAs?: { readonly uid: number; readonly gid: number }
}

export interface LaunchIsolation {
  /** Mounted over /etc/hosts. */
  readonly hostsFile: string
  /** Mounted over /etc/resolv.conf, where the machine has one. */
  readonly resolverFile: string
  /** The state folder: it holds the mesh's root key, so the workload sees an empty one. */
  readonly hide: string
}
