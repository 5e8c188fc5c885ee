/** A process that ends while its thread has something to do, as its argument says: for a while, or for ever. */
import { MeshError } from '@tulle/core'
import { silentLog } from '../log.ts'
import { beginThread } from './begin-thread.ts'
import { CommandThread } from './command-thread.ts'
import { exitProcess } from './exit-process.ts'
import type { TestCommands } from './test-thread.ts'

const fail = (text: string): MeshError => new MeshError('TEST_THREAD', text)
const thread = new CommandThread<TestCommands, string, MeshError>(
  {
    begun: beginThread({ entry: new URL('./test-thread.ts', import.meta.url), name: 'test' }),
    settings: 'a setting',
  },
  {
    log: silentLog,
    errors: { refused: (_code, why) => fail(why), ended: fail, closed: () => fail('closed') },
    onAccessLog: (_lines, done) => done(),
    onFailed: () => process.stdout.write('the thread has failed\n'),
  },
)
const progress = new Int32Array(new SharedArrayBuffer(4))
const turns = process.argv[2] === 'stuck' ? Infinity : 20_000_000
const working = thread.call('work', { progress, turns }).catch(() => undefined)
process.on('exit', () => process.stdout.write(`progress ${progress[0]}\n`))
while (Atomics.load(progress, 0) === 0) await new Promise(setImmediate)
exitProcess(7)
exitProcess(8)
await working
