/** Labels by which an object says which waypoint its callers go through. Istio's mean the same. */
const nameLabels = ['tulle.dev/use-waypoint', 'istio.io/use-waypoint']
const namespaceLabels = ['tulle.dev/use-waypoint-namespace', 'istio.io/use-waypoint-namespace']

/** What labels say: a waypoint, or that there shall be none. */
export type WaypointChoice =
  | { readonly kind: 'named'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'none' }

export type Labels = Readonly<Record<string, string>>

/** What the object says of itself goes before what its namespace says; undefined where neither says anything. */
export function waypointChoice(
  own: Labels,
  ofNamespace: Labels,
  namespace: string,
): WaypointChoice | undefined {
  return choiceIn(own, namespace) ?? choiceIn(ofNamespace, namespace)
}

function choiceIn(labels: Labels, namespace: string): WaypointChoice | undefined {
  const name = firstOf(labels, nameLabels)
  if (name === undefined) return undefined
  if (name === 'none') return { kind: 'none' }
  return { kind: 'named', namespace: firstOf(labels, namespaceLabels) ?? namespace, name }
}

export function firstOf(labels: Labels, names: readonly string[]): string | undefined {
  for (const name of names) if (Object.hasOwn(labels, name)) return labels[name]
  return undefined
}
