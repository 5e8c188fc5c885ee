/** Everything that needs no run: types, lint, format, architecture. Side by side, all of their findings at once. */
import { spawn } from 'node:child_process'

interface Outcome {
  readonly name: string
  readonly code: number
  readonly ms: number
  readonly text: string
}

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings', 'packages', 'apps', 'tools', 'tests', 'bench'],
  ['format', 'oxfmt', '--check', '.'],
  ['architecture', process.execPath, 'tools/arch-check/src/main.ts'],
]

function run([name, command, ...args]: (typeof steps)[number]): Promise<Outcome> {
  const startMs = performance.now()
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.on('error', (error) =>
      resolve({ name, code: 127, ms: 0, text: `${command}: ${error.message}; run "npm ci"` }),
    )
    child.on('close', (code) => resolve({ name, code: code ?? 1, ms: performance.now() - startMs, text }))
  })
}

const outcomes = await Promise.all(steps.map(run))
for (const { name, code, ms, text } of outcomes) {
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(13)} ${(ms / 1000).toFixed(1)} s`)
  if (code !== 0) console.log(text)
}
process.exit(outcomes.every((outcome) => outcome.code === 0) ? 0 : 1)
