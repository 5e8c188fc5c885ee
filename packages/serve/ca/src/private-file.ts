import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { errorCode } from '@tulle/core'
import { CaError } from './errors.ts'

const maxFileBytes = 1_048_576
const othersBits = 0o007

/** The text of a file, undefined where there is none; anything else that is wrong is CA_FOLDER. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    if (size > maxFileBytes) {
      throw new CaError('CA_FOLDER', `${path}: expected at most ${maxFileBytes} bytes, found ${size}`)
    }
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    if (error instanceof CaError) throw error
    throw new CaError('CA_FOLDER', `${path} can't be read`, { cause: error })
  }
}

/** As `readText`, for a file with a secret: one that everybody may read is a secret no more. */
export async function readSecret(path: string): Promise<string | undefined> {
  const text = await readText(path)
  if (text === undefined) return undefined
  const { mode } = await stat(path)
  if ((mode & othersBits) !== 0) {
    const found = (mode & 0o777).toString(8).padStart(4, '0')
    throw new CaError('CA_KEY_EXPOSED', `${path}: expected mode 0600, found ${found}; run chmod 600 on it`)
  }
  return text
}

/** Writes a file of mode 0600 so that a reader, or a crash, sees all of the old or all of the new one. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const draft = `${path}.new`
  try {
    await rm(draft, { force: true })
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    throw new CaError('CA_FOLDER', `${path} can't be written`, { cause: error })
  }
}
