import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { errorCode } from '@tulle/core'
import type { Log } from '@tulle/runtime'
import { writePrivateFile } from './node-tokens.ts'

const format = /^(?<lineage>[A-Za-z0-9-]{1,64})\/(?<epoch>\d{1,15})$/u

/**
 * Which history this start belongs to, as `LINEAGE/EPOCH`: a random name that is made with the state folder, and the
 * number of starts on it. Nodes refuse a start that is older than the one whose state they have; a file that was
 * removed makes another history, which they take.
 */
export async function openHistory(file: string, log: Log): Promise<string> {
  const before = format.exec(await readText(file))?.groups
  if (before === undefined) log.debug('a new history begins', { file })
  const lineage = before?.['lineage'] ?? randomUUID()
  const history = `${lineage}/${Number(before?.['epoch'] ?? 0) + 1}`
  await writePrivateFile(file, `${history}\n`)
  return history
}

async function readText(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return ''
    throw error
  }
}
