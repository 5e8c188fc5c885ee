import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStyle } from './style.ts'
import { renderTable } from './table.ts'

test('renderTable() makes columns as wide as their widest cell and leaves no space at the end', () => {
  const text = renderTable(
    ['A', 'LONGER'],
    [
      ['first', 'x'],
      ['b', ''],
    ],
  )
  assert.equal(text, 'A      LONGER\nfirst  x\nb')
})

test('renderTable() does not count colours as width', () => {
  const style = createStyle(true)
  const [, first = '', second = ''] = renderTable(
    ['NAME', 'STATE'],
    [
      [style.good('ok'), '1'],
      ['longer', '2'],
    ],
  ).split('\n')
  assert.equal(first, `${style.good('ok')}      1`)
  assert.equal(second, 'longer  2')
})

test('renderTable() prints the headings of an empty table', () => {
  assert.equal(renderTable(['A', 'B'], []), 'A  B')
})
