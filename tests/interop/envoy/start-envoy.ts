import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installEnvoy } from './install-envoy.ts'

/** Resolves when Envoy serves; rejects with what it said where it ends before. */
export async function startEnvoy(folder: string, config: object): Promise<AsyncDisposable> {
  const file = join(folder, 'envoy.json')
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  const args = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'info']
  args.push('--file-flush-interval-msec', '50')
  // It ends with this process, also when that is killed.
  const command = ['--pdeathsig', 'KILL', installEnvoy(), ...args]
  const child = spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  const closed = new Promise<void>((resolve) => {
    child.once('error', (error) => (log += error.message))
    child.once('close', () => resolve())
  })
  const serves = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-65_536)
      if (log.includes('starting main dispatch loop')) resolve()
    })
  })
  const failed = closed.then(() => {
    throw new Error(`expected Envoy to serve, found that it ended:\n${log.slice(-4096)}`)
  })
  // Once it serves, nobody waits for its end but the one who asks for it.
  failed.catch(() => undefined)
  await Promise.race([serves, failed])
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}
