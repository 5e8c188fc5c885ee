import { compareText } from '@tulle/core'

type Labels = Readonly<Record<string, string>>

/** Whether a service's selector picks these labels; an empty one picks nothing. @see Kubernetes API, ServiceSpec.selector */
export function selects(selector: Labels, labels: Labels): boolean {
  const pairs = Object.entries(selector)
  return (
    pairs.length > 0 && pairs.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)
  )
}

/** Topics under which an object with these labels may be found by whoever selects it. */
export function labelTopics(namespace: string, labels: Labels): readonly string[] {
  return Object.entries(labels).map(([key, value]) => topic(namespace, key, value))
}

/** The one topic under which everything that this selector picks is found, and perhaps more. */
export function selectorTopic(namespace: string, selector: Labels): string | undefined {
  const [first] = Object.entries(selector).toSorted(([a], [b]) => compareText(a, b))
  return first === undefined ? undefined : topic(namespace, ...first)
}

function topic(namespace: string, key: string, value: string): string {
  return `${namespace}/${key}=${value}`
}
