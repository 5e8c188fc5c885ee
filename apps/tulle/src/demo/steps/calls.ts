import type { Session } from '../session.ts'

/** What one call came to. */
export interface CallOutcome {
  /** 0: there was no answer. */
  readonly status: number
  /** The answer's body, or why there was none. */
  readonly text: string
}

export interface Asked {
  readonly url: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** JavaScript that has `ask()`, which makes one call; without `kept` each is over a connection of its own. */
function asking({ url, method = 'GET', headers = {} }: Asked, kept: boolean): string {
  return `
    import { Agent, request } from 'node:http'
    const agent = ${kept ? 'new Agent({ keepAlive: true, maxSockets: 1 })' : 'false'}
    const options = { agent, timeout: 5000, method: ${JSON.stringify(method)}, headers: ${JSON.stringify(headers)} }
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const ask = () => new Promise((resolve) => {
      const failed = (error) => resolve({ status: 0, text: error.code ?? error.message })
      const asked = request(${JSON.stringify(url)}, options, (answer) => {
        let text = ''
        answer.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('error', failed)
        answer.on('end', () => resolve({ status: answer.statusCode, text }))
      })
      asked.on('timeout', () => asked.destroy(new Error('no answer in 5 s'))).on('error', failed).end()
    })
    const say = (result) => process.stdout.write(JSON.stringify(result), () => process.exit(0))`
}

/** Runs a script as a workload and reads the JSON that it prints. */
async function runJson(session: Session, workload: string, script: string): Promise<unknown> {
  const result = await session.run(workload, script)
  if (result.exitCode !== 0 || result.stdout === '')
    throw new Error(`could not call as ${workload}: ${result.stderr || `exit code ${result.exitCode}`}`)
  return JSON.parse(result.stdout)
}

/** Calls once as a workload. */
export async function call(session: Session, workload: string, asked: Asked): Promise<CallOutcome> {
  return (await runJson(session, workload, `${asking(asked, false)}\nsay(await ask())`)) as CallOutcome
}

/** Calls until something answers as it should, such as a program that has only just been started. */
export async function whenAnswering(session: Session, workload: string, asked: Asked): Promise<CallOutcome> {
  const script = `${asking(asked, false)}
    const endMs = performance.now() + 45_000
    let last = await ask()
    while (last.status !== 200 && performance.now() < endMs) {
      await pause(50)
      last = await ask()
    }
    say(last)`
  const last = (await runJson(session, workload, script)) as CallOutcome
  if (last.status !== 200)
    throw new Error(`${asked.url} does not answer ${workload}: ${last.status} ${last.text}`)
  return last
}

export interface CallCounts {
  readonly calls: number
  /** Whatever was not answered 200. */
  readonly failed: number
  /** Answers that have the mark in them. */
  readonly marked: number
}

/** Calls so many times, one after the other over one connection. */
export async function countCalls(
  session: Session,
  workload: string,
  { calls, mark = '', ...asked }: Asked & { readonly calls: number; readonly mark?: string },
): Promise<CallCounts> {
  const script = `${asking(asked, true)}
    let failed = 0, marked = 0
    for (let i = 0; i < ${calls}; i++) {
      const { status, text } = await ask()
      if (status !== 200) failed++
      else if (text.includes(${JSON.stringify(mark)})) marked++
    }
    say({ calls: ${calls}, failed, marked })`
  return (await runJson(session, workload, script)) as CallCounts
}

/** Calls the books as reader for a while, one call after the other, each over a connection of its own. */
export async function keepCalling(session: Session, durationMs: number): Promise<CallCounts> {
  return callWhile(session, { mark: '', goesOn: `performance.now() < startMs + ${durationMs}` })
}

/** So many marked answers in a row are no accident. */
const certain = 60

/** The same until all answers have the mark in them, or never do. */
export async function callUntilAll(session: Session, mark: string): Promise<CallCounts> {
  return callWhile(session, { mark, goesOn: `inARow < ${certain} && performance.now() < startMs + 55_000` })
}

async function callWhile(
  session: Session,
  { mark, goesOn }: { readonly mark: string; readonly goesOn: string },
): Promise<CallCounts> {
  const script = `${asking({ url: 'http://books/books' }, false)}
    const startMs = performance.now()
    let calls = 0, failed = 0, marked = 0, inARow = 0
    while (${goesOn}) {
      const { status, text } = await ask()
      calls++
      if (status !== 200) failed++
      const has = text.includes(${JSON.stringify(mark)})
      if (has) marked++
      inARow = has ? inARow + 1 : 0
      await pause(20)
    }
    say({ calls, failed, marked })`
  return (await runJson(session, 'bookstore/reader', script)) as CallCounts
}
