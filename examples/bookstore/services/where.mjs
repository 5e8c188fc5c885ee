// Where names do not resolve (tulle up --mode loopback), a service is found by its variables, as Kubernetes has them.
export function where(text) {
  const url = new URL(text)
  const name = url.hostname.toUpperCase().replaceAll('-', '_')
  const { [`${name}_SERVICE_HOST`]: host, [`${name}_SERVICE_PORT`]: port } = process.env
  if (host !== undefined && port !== undefined) url.host = `${host}:${port}`
  return url
}
