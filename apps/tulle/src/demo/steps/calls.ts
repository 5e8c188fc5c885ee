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

export interface CallCounts {
  readonly calls: number
  readonly failed: number
}

/** Calls the books as reader for a while, one call after the other, each over a connection of its own. */
export async function keepCalling(session: Session, durationMs: number): Promise<CallCounts> {
  const script = `
    import { get } from 'node:http'
    const once = () => new Promise((resolve) => {
      const request = get('http://books/books', { agent: false, timeout: 5000 }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode === 200)).on('error', () => resolve(false))
      })
      request.on('timeout', () => request.destroy()).on('error', () => resolve(false))
    })
    const endMs = performance.now() + ${durationMs}
    let calls = 0, failed = 0
    while (performance.now() < endMs) {
      calls++
      if (!(await once())) failed++
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    console.log(JSON.stringify({ calls, failed }))`
  const result = await session.run('bookstore/reader', script)
  if (result.exitCode !== 0) throw new Error(`could not call as bookstore/reader: ${result.stderr}`)
  return JSON.parse(result.stdout) as CallCounts
}
