import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import { defineOptions, option, parseOptions, renderHelp } from './options.ts'
import { byteSize, durationMs, flag, integer, list, oneOf, path, port, text } from './parsers.ts'
import type { OptionParser } from './parsers.ts'
import { Secret } from './secret.ts'

const table = defineOptions({
  state: option(path, { doc: 'State folder.', placeholder: 'DIR' }),
  xdsPort: option(port, { default: '15012', doc: 'Port of the control plane.' }),
  drainDeadline: option(durationMs, { default: '5s', doc: 'Time to drain.' }),
  watch: option(flag, { default: 'false', doc: 'Keep watching.' }),
  nodes: option(list(text), { default: '', doc: 'Nodes.' }),
})

function parse(argv: readonly string[], env: Record<string, string> = {}): unknown {
  const result = parseOptions(table, { argv, env })
  return result.ok ? { ...result.value } : result.error
}

const defaults = { state: '/s', xdsPort: 15_012, drainDeadline: 5000, watch: false, nodes: [] }

test('parseOptions takes flags before the environment before defaults', () => {
  const env = { TULLE_STATE: '/env', TULLE_XDS_PORT: '1', HOME: '/root' }
  assert.deepEqual(parse([], { TULLE_STATE: '/s' }), defaults)
  assert.deepEqual(parse(['--xds-port', '2'], env), { ...defaults, state: '/env', xdsPort: 2 })
  assert.deepEqual(parse(['--state=/s', '--watch', '--nodes=a,b', '--drain-deadline=1m30s']), {
    ...defaults,
    watch: true,
    nodes: ['a', 'b'],
    drainDeadline: 90_000,
  })
})

test('parseOptions reports every problem at once, each with its option and the nearest name', () => {
  const problems = parse(['--xds-prot', '1', '--drain-deadline', '5', 'extra'], {
    TULLE_STAET: '/x',
    TULLE_XDS_PORT: '70000',
  })
  assert.ok(Array.isArray(problems))
  const all = problems.join('\n')
  assert.match(all, /--xds-prot: no such option; did you mean --xds-port\?/u)
  assert.match(all, /"extra": no argument is expected here/u)
  assert.match(all, /TULLE_STAET: no such option; did you mean TULLE_STATE\?/u)
  assert.match(all, /--state \(TULLE_STATE\): required/u)
  assert.match(all, /TULLE_XDS_PORT: expected a whole number of 0–65535, found "70000"/u)
  assert.match(all, /--drain-deadline: expected a duration with its unit.*, found "5"/u)
})

test('parseOptions asks for a value where one is missing, and takes no name from a prototype', () => {
  assert.match(String(parse(['--state'])), /--state: expected a value after it/u)
  assert.match(
    String(parse(['--state=/s', '--constructor=x', '--__proto__=x'])),
    /--constructor: no such option/u,
  )
})

test('parseOptions gives values that cannot be changed', () => {
  const result = parseOptions(table, { argv: ['--state=/s'], env: {} })
  assert.ok(result.ok && Object.isFrozen(result.value))
})

test('renderHelp lists every option with its default', () => {
  assert.equal(
    renderHelp(table),
    [
      '  --state DIR             State folder. Required.',
      '  --xds-port VALUE        Port of the control plane. [15012]',
      '  --drain-deadline VALUE  Time to drain. [5s]',
      '  --watch                 Keep watching. [false]',
      '  --nodes VALUE           Nodes. [none]',
    ].join('\n'),
  )
})

const parsed: readonly (readonly [string, OptionParser<unknown>, string, unknown])[] = [
  ['durationMs', durationMs, '500ms', 500],
  ['durationMs', durationMs, '5s', 5000],
  ['durationMs', durationMs, '1m30s', 90_000],
  ['durationMs', durationMs, '24h', 86_400_000],
  ['durationMs', durationMs, '1.5s', 1500],
  ['byteSize', byteSize, '512B', 512],
  ['byteSize', byteSize, '4MiB', 4_194_304],
  ['byteSize', byteSize, '1GiB', 1_073_741_824],
  ['integer', integer(-5, 5), '-5', -5],
  ['port', port, '0', 0],
  ['flag', flag, 'false', false],
  ['oneOf', oneOf(['strict', 'permissive']), 'strict', 'strict'],
  ['list', list(port), '1, 2,3', [1, 2, 3]],
  ['path', path, 'a b', 'a b'],
]

for (const [name, parser, input, expected] of parsed) {
  test(`${name} reads ${JSON.stringify(input)}`, () => {
    const result = parser(input)
    assert.deepEqual(result, { ok: true, value: expected })
  })
}

const refused: readonly (readonly [string, OptionParser<unknown>, readonly string[]])[] = [
  ['durationMs', durationMs, ['', '5', '5 s', '-5s', '5x', 's', '5s5', 'Infinitys']],
  ['byteSize', byteSize, ['', '5', '5MB', '5 MiB', '-1B', '4mib', '1MiB1B']],
  ['integer', integer(0, 10), ['', '11', '-1', '1.5', '1e1', '0x1', ' 1', 'NaN']],
  ['port', port, ['65536', '-1', 'http']],
  ['flag', flag, ['yes', 'TRUE', 'maybe']],
  ['oneOf', oneOf(['a', 'b']), ['', 'c', 'A', 'toString']],
  ['list', list(port), ['1,', '1,x', ',']],
  ['path', path, ['']],
]

for (const [name, parser, inputs] of refused) {
  for (const input of inputs) {
    test(`${name} refuses ${JSON.stringify(input)}`, () => {
      assert.equal(parser(input).ok, false)
    })
  }
}

test('Secret shows its value to nobody but reveal', () => {
  const secret = new Secret('hunter2')
  const shown = [String(secret), JSON.stringify({ secret }), inspect({ secret }, { showHidden: true })]
  for (const one of shown) assert.doesNotMatch(one, /hunter2/u)
  assert.equal(secret.reveal(), 'hunter2')
})
