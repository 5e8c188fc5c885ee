/** Entry of the thread that reads a file of `tulle node --config`, and ends. */
import { readFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { errorText } from '@tulle/core'
import { parseStandaloneConfig } from './standalone-config.ts'
import type { ParsedConfig } from './read-standalone-config.ts'

function read(file: string): ParsedConfig {
  try {
    const parsed = parseStandaloneConfig(readFileSync(file, 'utf8'), file)
    return parsed.ok ? { config: parsed.value } : { problems: parsed.error }
  } catch (error) {
    return { problems: [errorText(error)] }
  }
}

// readStandaloneConfig() gives the file's name.
parentPort?.postMessage(read(workerData as string))
