import { tokenLower } from './octets.ts'

interface TakenName {
  readonly name: string
  /** The name itself stays. */
  readonly onlyUnderscored: boolean
}

const hyphen = 0x2d
const underscore = 0x5f

/**
 * Names of fields that are taken out of messages, also where an underscore stands for a hyphen: CGI, and all that names fields as
 * it does, makes one of both (`HTTP_X_FORWARDED_FOR`).
 */
export class TakenNames {
  /** Most fields are told apart by the length of their name alone. */
  readonly #byLength: TakenName[][] = []

  /** Of `underscored`, only the other spellings are taken out. In lower case. */
  constructor(names: readonly string[], underscored: readonly string[]) {
    for (const name of names) this.#add({ name, onlyUnderscored: false })
    for (const name of underscored) this.#add({ name, onlyUnderscored: true })
  }

  /** Hot: asked of each field. Whether the one of that name goes, in upper or lower case. */
  covers(text: string, start: number, end: number): boolean {
    const names = this.#byLength[end - start]
    return names !== undefined && names.some((taken) => isSpelt(taken, text, start))
  }

  #add(taken: TakenName): void {
    ;(this.#byLength[taken.name.length] ??= []).push(taken)
  }
}

function isSpelt({ name, onlyUnderscored }: TakenName, text: string, start: number): boolean {
  let underscores = 0
  for (let i = 0; i < name.length; i++) {
    const wanted = name.charCodeAt(i)
    const found = tokenLower[text.charCodeAt(start + i)]
    if (found === wanted) continue
    if (wanted !== hyphen || found !== underscore) return false
    underscores++
  }
  return underscores > 0 || !onlyUnderscored
}
