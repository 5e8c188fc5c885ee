import assert from 'node:assert/strict'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { parseManifests } from '@tulle/api'
import { stringify } from 'yaml'
import { explainConnection } from './explain.ts'
import type { ExplainQuery } from './explanation.ts'
import type { MeshModel } from './mesh-model.ts'
import { worldOf } from './testing/world.ts'
import type { World } from './testing/world.ts'

const folder = join(import.meta.dirname, 'testdata/requests')
const cases = globSync('*.in.yaml', { cwd: folder }).toSorted()
const writes = process.env['TULLE_GOLDEN'] === 'write'

interface Question {
  readonly text: string
  readonly query: ExplainQuery
}

/** Lines such as `# ask: reader -> books:80 GET /x?y x-tag:blue`; without a method they ask about the connection alone. */
function questionsOf(text: string): readonly Question[] {
  return [...text.matchAll(/^# ask: (.+)$/gmu)].map(([, question = '']) => {
    const [from = '', , target = '', method, path = '/', ...headers] = question.split(' ')
    const [to = '', port] = target.split(':')
    const request =
      method === undefined ? undefined : { method, path, headers: headers.map((header) => headerOf(header)) }
    return {
      text: question,
      query: { from, to, port: port === undefined ? undefined : Number(port), request },
    }
  })
}

function headerOf(text: string): readonly [string, string] {
  const colon = text.indexOf(':', 1)
  return [text.slice(0, colon), text.slice(colon + 1)]
}

function answerTo(model: MeshModel, { query }: Question): unknown {
  const explained = explainConnection(model, query)
  if (!explained.ok) return { error: explained.error }
  const { allowed, summary, waypoint, request, rule, policies, changes, to } = explained.value
  return {
    allowed,
    summary,
    to: to.name,
    ...(waypoint === undefined ? {} : { waypoint }),
    ...(request === undefined ? {} : { request }),
    ...(rule === undefined ? {} : { rule: `${rule.object} ${rule.path ?? ''}: ${rule.text}` }),
    policies: policies.map(({ object, matched, why }) => `${matched ? 'holds' : 'not'}: ${object}: ${why}`),
    changes,
  }
}

function read(file: string): { readonly world: World; readonly questions: readonly Question[] } {
  const text = readFileSync(join(folder, file), 'utf8')
  const { objects, problems } = parseManifests(text, file)
  assert.deepEqual(problems, [])
  return { world: worldOf(...objects), questions: questionsOf(text) }
}

function answers({ model }: World, questions: readonly Question[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(questions.map((question) => [question.text, answerTo(model, question)]))
}

for (const file of cases) {
  const name = basename(file, '.in.yaml')
  const golden = join(folder, `${name}.out.yaml`)

  test(`explainConnection() of requests: ${name}`, () => {
    const { world, questions } = read(file)
    const before = answers(world, questions)
    world.serveWaypoints()
    const shown = stringify(
      { 'before a waypoint is ready': before, 'through a waypoint': answers(world, questions) },
      { lineWidth: 0, aliasDuplicateObjects: false },
    )
    if (writes) writeFileSync(golden, shown)
    assert.equal(shown, readFileSync(golden, 'utf8'))
  })
}

test('explainConnection() of requests has cases, and no output without its input', () => {
  assert.ok(cases.length >= 3)
  const outputs = globSync('*.out.yaml', { cwd: folder }).map((file) => basename(file, '.out.yaml'))
  assert.deepEqual(
    outputs.toSorted(),
    cases.map((file) => basename(file, '.in.yaml')),
  )
})
