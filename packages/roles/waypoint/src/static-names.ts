/** Everything in a file has one namespace. */
export const staticNamespace = 'static'

/** The service that a cluster of the file stands for. */
export function serviceOf(cluster: string): string {
  return `${staticNamespace}/${cluster}`
}
