import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { Argument, Command, Option } from 'commander'
import { treeOf } from './completion.ts'
import { commandWords } from './completion-words.ts'

function program(): Command {
  const made = new Command('tulle').description("it's all")
  made
    .command('get')
    .description("the mesh's list")
    .addArgument(new Argument('<kind>', '').choices(['workloads', 'waypoints']))
    .addOption(new Option('-o, --output <format>', 'format').choices(['table', 'json']))
    .option('-w, --watch', 'again')
    .option('--state <dir>', 'folder')
  const certs = made.command('certs').description('certificates')
  certs.command('show').option('--all', 'all')
  certs.command('revoke')
  made.command('node').description('a role')
  return made
}

const tree = treeOf(program(), new Map([['node', ['--token', '--secrets']]]))

function bash(...words: readonly string[]): readonly string[] {
  const line = words.map((word) => `'${word}'`).join(' ')
  const script = `${commandWords.bash(tree)}
COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}
_tulle
printf '%s\\n' "\${COMPREPLY[@]}"`
  const text = execFileSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
    timeout: 20_000,
  })
  return text.split('\n').filter((word) => word !== '')
}

describe('tulle completion bash', () => {
  for (const [words, offered] of [
    [
      ['tulle', ''],
      ['get', 'certs', 'node', 'help'],
    ],
    [['tulle', 'c'], ['certs']],
    [
      ['tulle', 'get', 'w'],
      ['workloads', 'waypoints'],
    ],
    [
      ['tulle', 'get', 'workloads', '--'],
      ['--output', '--watch', '--state', '--help'],
    ],
    [
      ['tulle', 'get', '-o', ''],
      ['table', 'json'],
    ],
    [['tulle', 'get', '-w', 'workloads', '--output', 'j'], ['json']],
    [
      ['tulle', 'certs', ''],
      ['show', 'revoke'],
    ],
    [['tulle', 'certs', 'show', '--a'], ['--all']],
    [
      ['tulle', 'node', '--'],
      ['--token', '--secrets', '--help'],
    ],
    [['tulle', 'get', '--state', 'completion-w'], ['completion-words.ts']],
    [['tulle', 'nothing', 'x'], []],
  ] as const) {
    it(`offers ${offered.join(' ') || 'nothing'} after: ${words.join(' ')}`, () =>
      assert.deepEqual(bash(...words), offered))
  }
})

describe('tulle completion', () => {
  it('has the same words for zsh', () => {
    const script = commandWords.zsh(tree)
    assert.match(script, /^#compdef tulle$/mu)
    assert.match(script, /^ {4}'tulle certs'\) .*compadd -- 'show' 'revoke'; fi ;;$/mu)
    assert.match(
      script,
      /^ {4}'tulle get -o'\|'tulle get --output'\) compadd -- 'table' 'json'; return ;;$/mu,
    )
  })

  it('has a line for each word for fish, with what it is for', () => {
    const lines = commandWords.fish(tree).split('\n')
    for (const line of [
      "complete -c tulle -n '__fish_use_subcommand' -f -a get -d 'the mesh'\\''s list'",
      "complete -c tulle -n '__fish_seen_subcommand_from get' -s o -l output -x -a 'table json' -d 'format'",
      "complete -c tulle -n '__fish_seen_subcommand_from certs; and not __fish_seen_subcommand_from show revoke' -f -a show -d ''",
      "complete -c tulle -n '__fish_seen_subcommand_from certs; and __fish_seen_subcommand_from show' -l all -d 'all'",
    ])
      assert.ok(lines.includes(line), line)
  })
})
