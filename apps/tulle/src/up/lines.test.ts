import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { eachLine } from './lines.ts'

async function linesOf(...chunks: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const stream = new PassThrough()
  const lines: string[] = []
  eachLine(stream, (line) => lines.push(line))
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await new Promise((resolve) => stream.on('end', resolve))
  return lines
}

test('eachLine() joins lines over chunks, also inside a character', async () => {
  const euro = Buffer.from('€')
  assert.deepEqual(await linesOf('a', 'b\nc', euro.subarray(0, 1), euro.subarray(1), '\n\nd'), [
    'ab',
    'c€',
    'd',
  ])
})

test('eachLine() cuts a line that never ends', async () => {
  const [line = ''] = await linesOf('x'.repeat(50_000), 'y'.repeat(50_000))
  assert.equal(line.length <= 66_384, true)
})
