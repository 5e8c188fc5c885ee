import { err, ok } from '@tulle/core'
import type { Result } from '@tulle/core'
import { parseArgs } from 'node:util'
import { nearest } from './nearest.ts'
import type { OptionParser } from './parsers.ts'

/** One option of a role: from it come its flag, its environment variable, its help and its type. */
export interface Option<T> {
  readonly parse: OptionParser<T>
  /** The default as one would write it; absent = the option is required. */
  readonly default: string | undefined
  readonly doc: string
  /** What stands for the value in the help: FILE, MS. */
  readonly placeholder: string
}

export interface OptionSettings {
  readonly default?: string
  readonly doc: string
  readonly placeholder?: string
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>
export type OptionValues<T extends OptionTable> = {
  readonly [Name in keyof T]: T[Name] extends Option<infer V> ? V : never
}

export function option<T>(parse: OptionParser<T>, settings: OptionSettings): Option<T> {
  return { parse, default: settings.default, doc: settings.doc, placeholder: settings.placeholder ?? 'VALUE' }
}

/** Keeps the types of a table; names are camelCase. */
export function defineOptions<const T extends OptionTable>(table: T): T {
  return table
}

export interface OptionInput {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

const envPrefix = 'TULLE_'

/** `drainDeadline` is the flag `--drain-deadline`. */
export function flagOf(name: string): string {
  return `--${kebab(name)}`
}

/** `drainDeadline` is the variable `TULLE_DRAIN_DEADLINE`. */
export function envNameOf(name: string): string {
  return envPrefix + kebab(name).replaceAll('-', '_').toUpperCase()
}

/**
 * Flags win over the environment, that over defaults. All problems at once: unknown flags and variables with our
 * prefix too, each with the nearest name.
 */
export function parseOptions<const T extends OptionTable>(
  table: T,
  input: OptionInput,
): Result<OptionValues<T>, readonly string[]> {
  const problems: string[] = []
  const given = readFlags(table, input.argv, problems)
  const known = new Map(Object.keys(table).map((name) => [envNameOf(name), name]))
  for (const variable of Object.keys(input.env)) {
    if (variable.startsWith(envPrefix) && !known.has(variable))
      problems.push(`${variable}: no such option${nearest(variable, [...known.keys()])}`)
  }
  const values: Record<string, unknown> = {}
  for (const [name, entry] of Object.entries(table)) {
    const source = given.get(name) ?? fromEnv(input.env, name) ?? { text: entry.default, from: flagOf(name) }
    if (source.text === undefined) {
      problems.push(`${flagOf(name)} (${envNameOf(name)}): required, not given: ${entry.doc}`)
      continue
    }
    const parsed = entry.parse(source.text)
    if (parsed.ok) values[name] = parsed.value
    else problems.push(`${source.from}: ${parsed.error}, found ${JSON.stringify(source.text)}`)
  }
  // The loop above has set every name of the table, each by its own parser.
  return problems.length > 0 ? err(problems) : ok(Object.freeze(values) as OptionValues<T>)
}

interface Given {
  readonly text: string | undefined
  readonly from: string
}

function fromEnv(env: OptionInput['env'], name: string): Given | undefined {
  const value = env[envNameOf(name)]
  return value === undefined ? undefined : { text: value, from: envNameOf(name) }
}

function readFlags(table: OptionTable, argv: readonly string[], problems: string[]): Map<string, Given> {
  const byFlag = new Map(Object.keys(table).map((name) => [kebab(name), name]))
  const options = Object.fromEntries(
    [...byFlag].map(([key, name]) => [key, { type: isSwitch(table[name]) ? 'boolean' : 'string' } as const]),
  )
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const given = new Map<string, Given>()
  for (const token of tokens) {
    if (token.kind === 'positional')
      problems.push(`${JSON.stringify(token.value)}: no argument is expected here`)
    if (token.kind !== 'option') continue
    const name = byFlag.get(token.name)
    if (name === undefined)
      problems.push(
        `${token.rawName}: no such option${nearest(
          token.rawName,
          [...byFlag.keys()].map((key) => `--${key}`),
        )}`,
      )
    else if (token.value === undefined && !isSwitch(table[name]))
      problems.push(`${token.rawName}: expected a value after it`)
    else given.set(name, { text: token.value ?? 'true', from: token.rawName })
  }
  return given
}

/** A flag that needs no value: its default is a truth value. */
function isSwitch(entry: Option<unknown> | undefined): boolean {
  return entry?.default === 'false' || entry?.default === 'true'
}

/** The options as `--help` lists them. */
export function renderHelp(table: OptionTable): string {
  const rows = Object.entries(table).map(([name, entry]) => ({
    left: isSwitch(entry) ? flagOf(name) : `${flagOf(name)} ${entry.placeholder}`,
    right:
      entry.default === undefined
        ? `${entry.doc} Required.`
        : `${entry.doc} [${entry.default === '' ? 'none' : entry.default}]`,
  }))
  const width = Math.max(0, ...rows.map((row) => row.left.length))
  return rows.map((row) => `  ${row.left.padEnd(width)}  ${row.right}`).join('\n')
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)
}
