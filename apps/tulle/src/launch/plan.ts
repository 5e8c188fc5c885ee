/** What the launcher is told, as JSON in its one argument. It is started inside the workload's network namespace. */
export interface LaunchPlan {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
  /** Mounted over /etc/hosts. */
  readonly hostsFile: string
  /** Mounted over /etc/resolv.conf, where the machine has one. */
  readonly resolverFile: string
  /** The state folder: it holds the mesh's root key, so the workload sees an empty one. */
  readonly hide: string
  readonly runAs?: { readonly uid: number; readonly gid: number }
}
