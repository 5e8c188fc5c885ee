import { renderTable } from './markdown.ts'
import type { MemorySample } from './memory.ts'

/** Nothing where none was measured. */
export function renderMemory(about: string, memory: readonly MemorySample[]): readonly string[] {
  if (memory.length === 0) return []
  const text = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join(' + ')
  const table = renderTable(
    ['path', 'connections', 'private MiB', 'total MiB', 'private KiB each more'],
    memory.map((one) => {
      const idle = memory.find(({ path, connections }) => path === one.path && connections === 0)
      const privateMiB = one.proxies.map(({ anonymousMiB }) => anonymousMiB)
      const each = privateMiB.map((value, index) => {
        const before = idle?.proxies[index]?.anonymousMiB ?? Number.NaN
        return ((value - before) * 1024) / one.connections
      })
      return [
        one.path,
        `${one.connections}`,
        text(privateMiB),
        text(one.proxies.map(({ residentMiB }) => residentMiB)),
        one.connections === 0 ? '–' : text(each),
      ]
    }),
  )
  return [`### memory: ${about}`, table]
}
