interface GivenNumber {
  readonly option: string
  readonly text: string
  readonly usage: string
}

/** Throws with the usage where it is no number above zero. */
export function positive(given: GivenNumber): number {
  const value = Number(given.text)
  if (value > 0) return value
  throw new Error(
    `${given.option}: expected a positive number, found ${JSON.stringify(given.text)}\n${given.usage}`,
  )
}

/** Throws with the usage where it is no whole number above zero. */
export function wholeNumber(given: GivenNumber): number {
  const value = positive(given)
  if (Number.isInteger(value)) return value
  throw new Error(
    `${given.option}: expected a whole number, found ${JSON.stringify(given.text)}\n${given.usage}`,
  )
}

/** Throws with the usage where one of the names is unknown. */
export function oneOf(given: {
  readonly option: string
  readonly names: readonly string[]
  readonly known: readonly string[]
  readonly usage: string
}): readonly string[] {
  const { option, names, known, usage } = given
  const stranger = names.find((name) => !known.includes(name))
  if (stranger === undefined) return names
  throw new Error(`${option}: expected some of ${known.join(', ')}, found ${stranger}\n${usage}`)
}
