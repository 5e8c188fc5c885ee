import assert from 'node:assert/strict'
import { test } from 'node:test'
import { replaceLocations } from './locations.ts'

const url = (path: string): string => `new URL('${path}', import.meta.url)`

test('replaceLocations() gives each URL its place in the package', () => {
  const code = `const worker: URL = ${url('./worker.ts')}\nconst data = [${url('../data')}, 'é', ${url('./worker.ts')}]\n`
  const asked: string[] = []
  const replaced = replaceLocations('a.ts', code, (path) => {
    asked.push(path)
    return path === '../data' ? './data' : './worker.js'
  })
  assert.equal(
    replaced,
    `const worker: URL = ${url('./worker.js')}\nconst data = [${url('./data')}, 'é', ${url('./worker.js')}]\n`,
  )
  assert.deepEqual(asked, ['./worker.ts', '../data', './worker.ts'])
})

test('replaceLocations() leaves comments as they are, also where they stand beside what is meant', () => {
  const before = `/** As in \`${url('./gone.ts')}\`. 日本語 */\n// ${url('./gone.ts')}\n`
  const code = `${before}const worker = /* no ${url('./gone.ts')} */ ${url('./worker.ts')} // ${url('./gone.ts')}\n`
  const replaced = replaceLocations('a.ts', code, (path) => {
    assert.equal(path, './worker.ts')
    return './worker.js'
  })
  assert.equal(replaced, code.replace(url('./worker.ts'), url('./worker.js')))
})

test('replaceLocations() knows a comment from a text that looks like the begin of one', () => {
  const code = `const glob = 'a/*'\nconst worker = ${url('./worker.ts')}\nconst end = '*/ //'; const other = ${url('./worker.ts')}\n`
  assert.equal(
    replaceLocations('a.ts', code, () => './worker.js'),
    code.replaceAll(url('./worker.ts'), url('./worker.js')),
  )
})
