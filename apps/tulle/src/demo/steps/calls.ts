import type { Session } from '../session.ts'

/** What one call came to: its answer's body, or why there was none. */
export interface CallOutcome {
  readonly ok: boolean
  readonly text: string
}

/** Calls a URL once as a workload, over a connection of its own. */
export async function call(session: Session, workload: string, url: string): Promise<CallOutcome> {
  const script = `
    import { get } from 'node:http'
    const request = get(${JSON.stringify(url)}, { agent: false, timeout: 5000 }, (answer) => {
      let text = ''
      answer.on('data', (chunk) => (text += chunk))
      answer.on('end', () => console.log(JSON.stringify({ ok: answer.statusCode === 200, text })))
      answer.on('error', (error) => console.log(JSON.stringify({ ok: false, text: error.code ?? error.message })))
    })
    request.on('timeout', () => request.destroy(new Error('no answer in 5 s')))
    request.on('error', (error) => console.log(JSON.stringify({ ok: false, text: error.code ?? error.message })))`
  const result = await session.run(workload, script)
  if (result.exitCode !== 0 || result.stdout === '')
    throw new Error(`could not call as ${workload}: ${result.stderr || `exit code ${result.exitCode}`}`)
  return JSON.parse(result.stdout) as CallOutcome
}
