/** Where a field stands in its document: keys and list positions. */
export type FieldPath = readonly (string | number)[]

const plainKey = /^[A-Za-z_][A-Za-z0-9_-]*$/u

/** `spec.rules[0].name`, `metadata.labels["app.kubernetes.io/name"]`; '' is the document. */
export function fieldPath(path: FieldPath): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (!plainKey.test(step)) text += `[${JSON.stringify(step)}]`
    else text += text === '' ? step : `.${step}`
  }
  return text
}
