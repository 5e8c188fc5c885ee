import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitDocuments } from './split-documents.ts'

const cases: readonly (readonly [name: string, text: string, documents: readonly string[]])[] = [
  ['nothing', '', []],
  ['comments only', '# a\n---\n# b\n', []],
  ['one without a marker', 'a: 1\n', ['a: 1\n']],
  ['two', 'a: 1\n---\nb: 2\n', ['a: 1\n', '---\nb: 2\n']],
  ['an empty one before', '---\n# nothing\n---\nb: 2\n', ['---\nb: 2\n']],
  ['content on the marker line', '--- {a: 1}\n--- # c\nb: 2', ['--- {a: 1}\n', '--- # c\nb: 2']],
  ['directives before the marker', '%YAML 1.2\n# c\n---\na: 1\n', ['%YAML 1.2\n# c\n---\na: 1\n']],
  ['directives after an end', 'a: 1\n...\n%YAML 1.2\n---\nb: 2\n', ['a: 1\n...\n', '%YAML 1.2\n---\nb: 2\n']],
  ['no marker within a line', 'a: ---\nb: x---\n---c: 1\n', ['a: ---\nb: x---\n---c: 1\n']],
  ['indented text is no marker', 'a: |\n  ---\n  b\n', ['a: |\n  ---\n  b\n']],
  ['carriage returns', 'a: 1\r\n---\r\nb: 2\r\n', ['a: 1\r\n', '---\r\nb: 2\r\n']],
  ['a byte order mark', '\uFEFF# c\n---\na: 1\n', ['\uFEFF# c\n---\na: 1\n']],
]

for (const [name, text, expected] of cases) {
  test(`splitDocuments() ${name}`, () => {
    const documents = splitDocuments(text)
    assert.deepEqual(
      documents.map((document) => document.text),
      expected,
    )
    for (const { text: part, offset } of documents)
      assert.equal(text.slice(offset, offset + part.length), part)
  })
}
