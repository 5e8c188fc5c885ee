import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** A line longer than this is cut: a child that never ends its line must not fill our memory. */
const maxLineChars = 16_384

/** Calls `onLine` for each line of a child's output, the last one also when it does not end. */
export function eachLine(stream: Readable, onLine: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n')
    rest = (lines.pop() ?? '').slice(0, maxLineChars)
    for (const line of lines) if (line !== '') onLine(line.slice(0, maxLineChars))
  })
  stream.on('end', () => {
    if (rest !== '') onLine(rest)
    rest = ''
  })
  // A broken pipe means that the child is gone, which its exit tells.
  stream.on('error', () => stream.destroy())
}
