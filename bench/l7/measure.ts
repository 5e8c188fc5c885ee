import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoadReport } from '../../apps/tulle/src/bench/load/load-report.ts'
import type { Child, Children } from '../support/children.ts'
import { hasH2load, runH2load } from '../support/h2load.ts'
import { measureLoad } from '../support/measurement.ts'
import type { Measurement } from '../support/measurement.ts'
import { reportOf, startLoad } from '../support/own-load.ts'
import type { LoadTarget } from '../support/own-load.ts'
import { loadCore } from '../support/run-setting.ts'
import { hasWrk, runWrk } from '../support/wrk.ts'
import { largeBytes, message, questions, routeCount } from './load/questions.ts'
import type { QuestionName } from './load/questions.ts'
import type { L7Path } from './proxies.ts'
import type { Work } from './works.ts'

export interface Run {
  readonly work: Work
  readonly path: L7Path
  readonly seconds: number
  /** Of `steady`. */
  readonly perSecond: number
}

const loadMain = fileURLToPath(new URL('load/load-main.ts', import.meta.url))

/** What loads the paths: wrk and h2load where they may be used and are installed, else our own. */
export class Loads {
  readonly #children: Children
  readonly #folder: string
  readonly #wrk: boolean
  readonly #h2load: boolean

  constructor(children: Children, folder: string, foreign: boolean) {
    this.#children = children
    this.#folder = folder
    this.#wrk = foreign && hasWrk()
    this.#h2load = foreign && hasH2load()
    for (const [name, text] of Object.entries(wrkScripts)) writeFileSync(join(folder, `${name}.lua`), text)
    writeFileSync(join(folder, 'grpc-message'), message)
  }

  get names(): string {
    const foreign = [...(this.#wrk ? ['wrk'] : []), ...(this.#h2load ? ['h2load'] : [])]
    return [...foreign, 'our own'].join(', ')
  }

  measure(run: Run): Promise<Measurement> {
    return measureLoad(run.path.proxies, false, () => this.#run(run))
  }

  /** Waits until the question of the work is answered as it should be. */
  async awaitAnswer(work: Work, path: L7Path): Promise<void> {
    const probe = this.#start({ work, path, seconds: 20, perSecond: 0 }, 'probe')
    const answered = probe.line()
    const failed = async (): Promise<never> => {
      await answered.catch((error: unknown) => {
        throw new Error(`${path.name} gives no right answer for ${work.name}`, { cause: error })
      })
      return await new Promise(() => undefined)
    }
    await Promise.race([answered, failed(), ...path.proxies.map((proxy) => proxy.ended())])
  }

  async #run(run: Run): Promise<LoadReport> {
    const { work, path, seconds } = run
    const { mode, connections, streams, question } = work
    const { protocol } = questions[question]
    const target = targetOf(path, work)
    const child = { netns: path.networks.near, core: loadCore, connections, seconds }
    const url = (path_: string): string => `http://${target.ip}:${target.port}${path_}`
    if (mode !== 'steady' && protocol === 'http1' && this.#wrk) {
      const args = [...(mode === 'connect' ? ['-H', 'Connection: close'] : []), ...this.#script(question)]
      return await runWrk({ ...child, name: `wrk on ${path.name}`, url: url('/'), args }, this.#children)
    }
    if (mode !== 'steady' && protocol !== 'http1' && this.#h2load) {
      const body = ['-d', join(this.#folder, 'grpc-message')]
      const fields = ['-H', 'content-type: application/grpc', '-H', 'te: trailers']
      const args = protocol === 'grpc' ? [...body, ...fields] : []
      const name = `h2load on ${path.name}`
      const more = { name, url: url(questions[question].path()), args, streams, folder: this.#folder }
      return await runH2load({ ...child, ...more }, this.#children)
    }
    return await this.#own(run)
  }

  #own(run: Run): Promise<LoadReport> {
    const { work, path, seconds, perSecond } = run
    const { mode, connections } = work
    // A connection that ends after its answer is what the load of `tulle bench` has.
    const load =
      mode === 'connect'
        ? startLoad(targetOf(path, work), { mode, connections, seconds, perSecond }, this.#children)
        : this.#start(run, mode)
    return reportOf(load)
  }

  #start({ work, path, seconds, perSecond }: Run, mode: string): Child {
    const { ip, port } = targetOf(path, work)
    const counts = mode === 'probe' ? [1, 1] : [work.connections, work.streams]
    return this.#children.start({
      name: `${work.name} (${mode}) on ${path.name}`,
      netns: path.networks.near,
      core: loadCore,
      command: [
        process.execPath,
        loadMain,
        work.question,
        mode,
        ip,
        ...[port, seconds, ...counts, perSecond].map(String),
      ],
    })
  }

  #script(question: QuestionName): readonly string[] {
    return question in wrkScripts ? ['-s', join(this.#folder, `${question}.lua`)] : []
  }
}

/** Where the load of a work connects to. */
export function targetOf(path: L7Path, work: Pick<Work, 'entry'>): LoadTarget {
  const port = path.ports.get(work.entry)
  if (port === undefined) throw new TypeError(`${path.name} has no ${work.entry}`)
  return { ...path, port }
}

/** What wrk cannot be told by its arguments. */
const wrkScripts: Partial<Record<QuestionName, string>> = {
  body: `wrk.method = "POST"
wrk.body = string.rep("b", ${largeBytes})
`,
  routes: `request = function()
  return wrk.format("GET", "/service-" .. math.random(0, ${routeCount - 1}) .. "/v2/items/" .. math.random(0, 999999))
end
`,
}
