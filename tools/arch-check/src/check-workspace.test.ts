import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { checkWorkspace } from './check-workspace.ts'
import type { Report } from './check-workspace.ts'

type Files = Readonly<Record<string, string>>

const table = readFileSync(join(import.meta.dirname, '../../../architecture.json'), 'utf8')

function manifest(
  name: string,
  dependencies: readonly string[],
  exports: unknown = { '.': './src/index.ts' },
): string {
  const versions = Object.fromEntries(dependencies.map((dependency) => [dependency, '0.1.0']))
  return JSON.stringify({ name, exports, dependencies: versions }, undefined, 2)
}

/** A workspace in which everything is as it should be. */
const good: Files = {
  'architecture.json': table,
  'package.json': JSON.stringify({ devDependencies: { 'fast-check': '4.0.0' } }),
  'packages/base/core/package.json': manifest('@tulle/core', []),
  'packages/base/core/src/index.ts': "export { systemClock } from './clock.ts'\n",
  'packages/base/core/src/clock.ts': 'export const systemClock = { nowMs: () => Date.now() }\n',
  'packages/base/runtime/package.json': manifest('@tulle/runtime', ['@tulle/core']),
  'packages/base/runtime/src/index.ts':
    "import { systemClock } from '@tulle/core'\nexport const log = systemClock\n",
  'packages/model/mesh/package.json': manifest('@tulle/mesh', [
    '@tulle/core',
    '@tulle/runtime',
    '@bufbuild/protobuf',
  ]),
  'packages/model/mesh/src/index.ts': 'export const port = 1\n',
  'packages/model/mesh/src/port.test.ts':
    "import { test } from 'node:test'\nimport fc from 'fast-check'\ntest('x', () => fc)\n",
  'packages/wire/api/package.json': manifest('@tulle/api', ['@tulle/core']),
  'packages/wire/api/src/index.ts': 'export interface Api {}\n',
  'packages/wire/x509/package.json': manifest('@tulle/x509', ['@tulle/core', '@tulle/mesh']),
  'packages/wire/x509/src/index.ts':
    "import { hash } from 'node:crypto'\nimport { port } from '@tulle/mesh'\nexport const x = [hash, port]\n",
  'packages/translate/smi/package.json': manifest('@tulle/smi', [
    '@tulle/core',
    '@tulle/api',
    '@tulle/runtime',
  ]),
  'packages/translate/smi/src/index.ts': "import type { Api } from '@tulle/api'\nexport type { Api }\n",
  'packages/serve/xds/package.json': manifest('@tulle/xds', []),
  'packages/serve/xds/src/index.ts': 'export const xds = 1\n',
  'packages/proxy/kernel/package.json': manifest('@tulle/kernel', []),
  'packages/proxy/kernel/src/index.ts': "export { handle } from './node-handles.ts'\n",
  'packages/proxy/kernel/src/node-handles.ts':
    'export const handle = (socket: { _handle: unknown }) => socket._handle\n',
  'packages/proxy/l4/package.json': manifest('@tulle/l4', ['@tulle/kernel']),
  'packages/proxy/l4/src/index.ts': "import { handle } from '@tulle/kernel'\nexport const l4 = handle\n",
  'packages/roles/control/package.json': manifest('@tulle/control', ['@tulle/smi', '@tulle/xds']),
  'packages/roles/control/src/index.ts': "import { xds } from '@tulle/xds'\nexport const control = xds\n",
  'packages/roles/node/package.json': manifest('@tulle/node', ['@tulle/l4']),
  'packages/roles/node/src/index.ts': "import { l4 } from '@tulle/l4'\nexport const node = l4\n",
  'apps/tulle/package.json': manifest('tulle', ['@tulle/control']),
  'apps/tulle/src/main.ts': "const { control } = await import('@tulle/control')\nconsole.log(control)\n",
}

function check(changes: Files): Report {
  const root = mkdtempSync(join(tmpdir(), 'arch-check-'))
  try {
    for (const [path, text] of Object.entries({ ...good, ...changes })) {
      if (text === '') continue
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    return checkWorkspace(root)
  } finally {
    rmSync(root, { recursive: true })
  }
}

/** A bad example: what is changed, and the one problem that comes of it (none is a mistake of the rule). */
interface BadExample {
  readonly rule: string
  readonly files: Files
  readonly expected: RegExp
}

const xds = 'packages/serve/xds/src/index.ts'
const mesh = 'packages/model/mesh/src/index.ts'
const smi = 'packages/translate/smi/src/index.ts'
const x509 = 'packages/wire/x509/src/index.ts'
const l4 = 'packages/proxy/l4/src/index.ts'

const badExamples: readonly BadExample[] = [
  {
    rule: 'a layer breach',
    files: {
      'packages/serve/xds/package.json': manifest('@tulle/xds', []),
      [xds]: "import { l4 } from '@tulle/l4'\n",
    },
    expected:
      /xds\/src\/index\.ts:1:20: @tulle\/xds \(serve\) imports @tulle\/l4 \(proxy\)\n {4}why: serve may import only base/u,
  },
  {
    rule: 'a layer breach by import type',
    files: { [xds]: "import type { Api } from '@tulle/smi'\n" },
    expected: /\(serve\) imports @tulle\/smi \(translate\)/u,
  },
  {
    rule: 'a layer breach by a type import()',
    files: { [xds]: "export type Api = import('@tulle/smi').Api\n" },
    expected: /\(serve\) imports @tulle\/smi \(translate\)/u,
  },
  {
    rule: 'a layer breach by export from',
    files: { [xds]: "export type { Api } from '@tulle/smi'\n" },
    expected: /\(serve\) imports @tulle\/smi \(translate\)/u,
  },
  {
    rule: 'a layer breach by import()',
    files: { [xds]: "export const smi = await import('@tulle/smi')\n" },
    expected: /\(serve\) imports @tulle\/smi \(translate\)/u,
  },
  {
    rule: 'an import() that cannot be read',
    files: { [xds]: "const name = '@tulle/' + 'smi'\nexport const smi = await import(name)\n" },
    expected: /:2:26: an import\(\) of something that is not a plain string/u,
  },
  {
    rule: 'a layer breach that is only declared',
    files: { 'packages/serve/xds/package.json': manifest('@tulle/xds', ['@tulle/smi']) },
    expected: /xds\/package\.json:\d+:\d+: @tulle\/xds \(serve\) imports @tulle\/smi/u,
  },
  {
    rule: 'an undeclared workspace dependency',
    files: { [xds]: "import { systemClock } from '@tulle/core'\nexport const x = systemClock\n" },
    expected: /:1:29: @tulle\/core is not declared/u,
  },
  {
    rule: 'an undeclared package from npm',
    files: { [xds]: "import zod from 'zod'\nexport const x = zod\n" },
    expected: /zod is not declared/u,
  },
  {
    rule: 'a test tool outside tests',
    files: { [xds]: "import fc from 'fast-check'\nexport const x = fc\n" },
    expected: /fast-check is not declared/u,
  },
  {
    rule: 'a deep import past an index',
    files: { [l4]: "import { handle } from '@tulle/kernel/src/node-handles.ts'\nexport const x = handle\n" },
    expected: /goes past the index of @tulle\/kernel/u,
  },
  {
    rule: 'a relative import out of the package',
    files: { [l4]: "import { handle } from '../../kernel/src/node-handles.ts'\nexport const x = handle\n" },
    expected: /leads out of packages\/proxy\/l4/u,
  },
  {
    rule: 'a package that imports itself by name',
    files: { 'packages/base/core/src/clock.ts': "import '@tulle/core'\n" },
    expected: /@tulle\/core is this package itself/u,
  },
  {
    rule: 'a package of the scope that does not exist',
    files: {
      'packages/proxy/l4/package.json': manifest('@tulle/l4', ['@tulle/kernel', '@tulle/krenel']),
      [l4]: "import '@tulle/krenel'\n",
    },
    expected: /@tulle\/krenel is no package of this workspace/u,
  },
  {
    rule: 'node: in model',
    files: { [mesh]: "import { readFileSync } from 'node:fs'\nexport const x = readFileSync\n" },
    expected: /model imports node:fs/u,
  },
  {
    rule: 'node: in model, without its prefix',
    files: { [mesh]: "import { readFileSync } from 'fs'\nexport const x = readFileSync\n" },
    expected: /model imports node:fs/u,
  },
  {
    rule: 'node: in translate',
    files: { [smi]: "import { hash } from 'node:crypto'\nexport const x = hash\n" },
    expected: /translate imports node:crypto/u,
  },
  {
    rule: 'a clock in model',
    files: { [mesh]: "import type { Clock } from '@tulle/core'\nexport type X = Clock\n" },
    expected: /model imports Clock of @tulle\/core\n {4}why: model never has clock/u,
  },
  {
    rule: 'a clock in translate',
    files: { [smi]: "import { systemClock } from '@tulle/core'\nexport const x = systemClock\n" },
    expected: /translate imports systemClock of @tulle\/core/u,
  },
  {
    rule: 'Date read in translate',
    files: { [smi]: 'export const now = () => new Date().toISOString()\n' },
    expected: /:1:26: Date reads the clock here/u,
  },
  {
    rule: 'logging in model',
    files: { [mesh]: "import type { Log } from '@tulle/runtime'\nexport type X = Log\n" },
    expected: /model imports @tulle\/runtime\n {4}why: model never has logging/u,
  },
  {
    rule: 'logging in translate',
    files: { [smi]: "import { log } from '@tulle/runtime'\nexport const x = log\n" },
    expected: /translate imports @tulle\/runtime/u,
  },
  {
    rule: 'protobuf in model',
    files: { [mesh]: "import { create } from '@bufbuild/protobuf'\nexport const x = create\n" },
    expected: /model imports @bufbuild\/protobuf/u,
  },
  {
    rule: 'the network in wire',
    files: { [x509]: "import { connect } from 'node:tls'\nexport const x = connect\n" },
    expected: /wire imports node:tls/u,
  },
  {
    rule: 'a clock in wire',
    files: { [x509]: "import { systemClock } from '@tulle/core'\nexport const x = systemClock\n" },
    expected: /wire imports systemClock of @tulle\/core/u,
  },
  {
    rule: '@tulle/api in the proxy',
    files: {
      'packages/proxy/l4/package.json': manifest('@tulle/l4', ['@tulle/kernel']),
      [l4]: "import type { Api } from '@tulle/api'\nexport type X = Api\n",
    },
    expected: /@tulle\/l4 \(proxy\) imports @tulle\/api\n {4}why: proxy may import wire, but not api/u,
  },
  {
    rule: 'a role that imports another',
    files: {
      'packages/roles/control/src/index.ts': "import { node } from '@tulle/node'\nexport const x = node\n",
    },
    expected: /two packages of roles never import each other/u,
  },
  {
    rule: 'a bare TLS server socket',
    files: {
      [l4]: "import { TLSSocket } from 'node:tls'\nexport const x = new TLSSocket(s, { isServer: true })\n",
    },
    expected: /:2:18: new TLSSocket as a server/u,
  },
  {
    rule: 'a bare TLS server socket by way of the module',
    files: {
      [l4]: "import tls from 'node:tls'\nexport const x = new tls.TLSSocket(s, { 'isServer': flag })\n",
    },
    expected: /:2:18: new TLSSocket as a server/u,
  },
  {
    rule: 'a TLS socket whose options cannot be read',
    files: { [l4]: "import { TLSSocket } from 'node:tls'\nexport const x = new TLSSocket(s, options)\n" },
    expected: /with options that this check cannot read/u,
  },
  {
    rule: 'a TLS server socket in a folder without layers',
    files: { 'tests/forged.test.ts': 'new TLSSocket(s, { ...options })\n' },
    expected: /tests\/forged\.test\.ts:1:1: new TLSSocket/u,
  },
  {
    rule: 'a private handle outside its file',
    files: { [l4]: 'export const x = (socket: any) => socket._handle\n' },
    expected: /:1:35: use of Node's private handles/u,
  },
  {
    rule: 'a private handle by its name as text',
    files: { [l4]: "export const x = (socket: object) => Reflect.get(socket, '_handle')\n" },
    expected: /use of Node's private handles/u,
  },
  {
    rule: 'a private handle by destructuring',
    files: { [l4]: 'export const x = ({ _handle }: any) => _handle\n' },
    expected: /use of Node's private handles/u,
  },
  {
    rule: 'process.binding',
    files: { [l4]: "export const x = (process as any).binding('tcp_wrap')\n" },
    expected: /use of Node's private handles/u,
  },
  {
    rule: 'a second entry in exports',
    files: {
      'packages/serve/xds/package.json': manifest('@tulle/xds', [], {
        '.': './src/index.ts',
        './x': './src/x.ts',
      }),
    },
    expected: /xds\/package\.json:3:3: @tulle\/xds exports \., \.\/x/u,
  },
  {
    rule: 'a package without exports',
    files: { 'packages/serve/xds/package.json': JSON.stringify({ name: '@tulle/xds' }) },
    expected: /@tulle\/xds exports nothing by name/u,
  },
  {
    rule: 'a package in no layer',
    files: { 'packages/odd/one/package.json': manifest('@tulle/one', []) },
    expected: /packages\/odd\/one is in no layer/u,
  },
  {
    rule: 'a file that cannot be parsed',
    files: { [l4]: 'export const = 1\n' },
    expected: /not parsed/u,
  },
]

test('checkWorkspace finds nothing in a good workspace', () => {
  assert.deepEqual(check({}), { checkedFiles: 15, problems: [] })
})

for (const { rule, files, expected } of badExamples) {
  test(`checkWorkspace rejects ${rule}`, () => {
    const { problems } = check(files)
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `expected ${expected}, found:\n${problems.join('\n')}`,
    )
    for (const problem of problems) assert.match(problem, /^\S+:\d+:\d+: .+\n {4}why: .+\n {4}do: .+$/u)
  })
}

test('checkWorkspace fails when it looked at no files', () => {
  const empty = Object.fromEntries(
    Object.keys(good).map((path) => [path, path.endsWith('.json') ? good[path]! : '']),
  )
  const { checkedFiles, problems } = check(empty)
  assert.equal(checkedFiles, 0)
  assert.match(problems.join('\n'), /no source file was looked at/u)
})

test('checkWorkspace lets a client make a TLSSocket, and comments say what they like', () => {
  const text =
    '// socket._handle, new TLSSocket(s, { isServer: true })\nexport const x = new TLSSocket(s, { isServer: false })\n'
  assert.deepEqual(check({ [l4]: text }).problems, [])
})

test('checkWorkspace refuses an architecture.json that names no layer or ban', () => {
  assert.throws(() => check({ 'architecture.json': table.replaceAll('"base",', '"bass",') }), /is no layer/u)
  assert.throws(
    () => check({ 'architecture.json': table.replace('"node", "clock"', '"nod", "clock"') }),
    /is no ban/u,
  )
})
