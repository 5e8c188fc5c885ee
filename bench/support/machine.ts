import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly kernel: string
  readonly node: string
  /** Versions of peers; `absent` where they are not installed. */
  readonly haproxy: string
  readonly nginx: string
  /** With `+` where files were changed since. */
  readonly commit: string
}

export function machineFacts(): MachineFacts {
  const cpu = /^model name\s*:\s*(.*)$/mu.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? process.arch
  return {
    cpu,
    cores: availableParallelism(),
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim(),
    node: process.versions.node,
    haproxy: /version (\S+)/u.exec(output('haproxy', '-v').split('\n')[0] ?? '')?.[1] ?? 'absent',
    nginx: nginxVersion(),
    commit: gitCommit(),
  }
}

function gitCommit(): string {
  const commit = output('git', 'rev-parse', '--short', 'HEAD').trim()
  if (commit === '') return 'unknown'
  const changed = output('git', 'status', '--porcelain', '--untracked-files=no', '--', 'packages', 'apps')
  return changed.trim() === '' ? commit : `${commit}+`
}

/** It prints its version as an error. */
function nginxVersion(): string {
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return /nginx\/(\S+)/u.exec(stderr ?? '')?.[1] ?? 'absent'
}

/** Empty where the program is absent or fails. */
function output(program: string, ...args: readonly string[]): string {
  const found = spawnSync(program, args, { encoding: 'utf8', cwd: import.meta.dirname })
  return found.status === 0 ? found.stdout : ''
}
