import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { firstOfEach } from '@tulle/api'
import type { AnyObject, Origin, Problem } from '@tulle/api'
import { createGraph } from '@tulle/collections'
import type { Collection } from '@tulle/collections'
import { compareText, err, errorCode, errorText, ok, systemClock } from '@tulle/core'
import type { Result } from '@tulle/core'
import { filesSource } from '@tulle/files'
import type { FilesSource } from '@tulle/files'
import { silentLog } from '@tulle/runtime'

export interface ReadPaths {
  /** No two of them have one key. */
  readonly objects: readonly AnyObject[]
  readonly problems: readonly Problem[]
}

/** Reads files and folders by the very rules of `tulle up`. The error says which path is none. */
export async function readPaths(paths: readonly string[]): Promise<Result<ReadPaths>> {
  const missing = (await Promise.all(paths.map(pathFault))).filter((fault) => fault !== undefined)
  if (missing.length > 0) return err(missing.join('\n'))
  const objects = new Map<string, AnyObject>()
  const problems = new Map<string, Problem>()
  for (const path of paths) {
    // oxlint-disable-next-line no-await-in-loop -- the first path goes first where two hold one object
    const read = await readPath(path)
    // A file that is named twice, or lies in a folder that is named too, is read once.
    for (const object of read.objects) setOnce(objects, placeKey(object.origin), object)
    for (const problem of read.problems) {
      setOnce(problems, `${placeKey(problem.origin)}:${problem.code}:${problem.path}`, problem)
    }
  }
  const unique = firstOfEach([...objects.values()])
  return ok({ objects: unique.objects, problems: [...problems.values(), ...unique.problems] })
}

async function readPath(path: string): Promise<ReadPaths> {
  const graph = createGraph()
  await using source = filesSource({ path, graph, clock: systemClock, log: silentLog })
  await source.start(new AbortController().signal)
  return {
    objects: objectsOf(source.api),
    problems: Array.from(source.problems.entries(), ([, problem]) => problem),
  }
}

function objectsOf(api: FilesSource['api']): readonly AnyObject[] {
  const collections: readonly Collection<AnyObject>[] = Object.values(api)
  const all = collections.flatMap((collection) => Array.from(collection.entries(), ([, object]) => object))
  return all.toSorted((a, b) => compareText(a.origin.file, b.origin.file) || a.origin.line - b.origin.line)
}

async function pathFault(path: string): Promise<string | undefined> {
  if (path === '-') return undefined
  try {
    await stat(path)
    return undefined
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT'
    return `${path}: ${isMissing ? 'there is no such file or folder' : `can't be read: ${errorText(error)}`}`
  }
}

function placeKey({ file, line, column }: Origin): string {
  return `${resolve(file)}:${line}:${column}`
}

function setOnce<V>(map: Map<string, V>, key: string, value: V): void {
  if (!map.has(key)) map.set(key, value)
}
