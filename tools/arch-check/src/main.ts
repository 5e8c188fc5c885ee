/** `node tools/arch-check/src/main.ts [ROOT]`: exit code 0 when the architecture holds, 1 when it does not. */
import { resolve } from 'node:path'
import { checkWorkspace } from './check-workspace.ts'

const root = resolve(process.argv[2] ?? resolve(import.meta.dirname, '../../..'))
const { checkedFiles, problems } = checkWorkspace(root)
for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  console.error(`${problems.length} breaches of architecture.json in ${checkedFiles} files`)
  process.exitCode = 1
} else console.log(`architecture.json holds in ${checkedFiles} files`)
