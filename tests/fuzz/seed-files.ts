/** Inputs that are kept in files: `seeds/TARGET/…`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface SeedFile {
  readonly name: string
  readonly bytes: Uint8Array
}

export const seedFolder: string = join(import.meta.dirname, 'seeds')

export function seedFiles(target: string): readonly SeedFile[] {
  const folder = join(seedFolder, target)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .toSorted()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)) }))
}

export function readSeed(target: string, name: string): Uint8Array {
  return readFileSync(join(seedFolder, target, name))
}
