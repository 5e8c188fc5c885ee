import { matchesGlob } from 'node:path'
import type { Architecture } from './architecture.ts'
import type { BannedUse, ParsedSource } from './parse-source.ts'
import type { Problem } from './problem.ts'
import type { Leaf, SourceFile } from './workspace.ts'

type Breach = Omit<Problem, 'file' | 'offset'>

/** What is wrong with a file whatever it imports. `leaf` is undefined for files in no layer. */
export function checkFile(
  file: SourceFile,
  parsed: ParsedSource,
  leaf: Leaf | undefined,
  architecture: Architecture,
): readonly Problem[] {
  const syntax = parsed.errors.map(({ message, offset }) => ({
    file: file.path,
    offset,
    ...unparsed(message),
  }))
  const banned = parsed.banned.flatMap((use) => {
    const breach = breachOf(use, file, leaf, architecture)
    return breach === undefined ? [] : [{ file: file.path, offset: use.offset, ...breach }]
  })
  return [...syntax, ...banned]
}

function breachOf(
  use: BannedUse,
  file: SourceFile,
  leaf: Leaf | undefined,
  architecture: Architecture,
): Breach | undefined {
  switch (use.kind) {
    case 'bare-tls-server':
      return bareTlsServer
    case 'private-handle':
      return matchesGlob(file.path, architecture.privateHandles) ? undefined : privateHandle
    case 'reads-the-clock': {
      const timeless = leaf?.layer.never.includes('clock') === true && !file.isTest
      return timeless ? readsClock(leaf.layer.name) : undefined
    }
  }
}

const bareTlsServer: Breach = {
  what: 'new TLSSocket as a server, or with options that this check cannot read',
  why: 'it accepts a self-signed client certificate even with rejectUnauthorized: true',
  instead: "give the socket to a tls.Server by emit('connection', socket); for a client use tls.connect",
}

const privateHandle: Breach = {
  what: "use of Node's private handles",
  why: 'they change between versions; one file tests what it uses when the process starts',
  instead: 'use what @tulle/kernel exports, or add a recipe to node-handles.ts there',
}

function readsClock(layer: string): Breach {
  return {
    what: 'Date reads the clock here',
    why: `in ${layer} a result must not depend on when it is made`,
    instead: 'take the time as a number (nowMs)',
  }
}

function unparsed(message: string): Breach {
  return {
    what: `not parsed: ${message}`,
    why: 'what cannot be parsed cannot be checked',
    instead: 'correct the syntax',
  }
}
