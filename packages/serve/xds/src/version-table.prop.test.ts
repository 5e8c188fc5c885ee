import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InitialVersions } from './initial-versions.ts'
import { VersionTable } from './version-table.ts'

const versions = fc.dictionary(
  fc.oneof(fc.constantFrom('a', 'ab', 'b', 'tulle//Workload/x/ü', ''), fc.string({ maxLength: 6 })),
  fc.constantFrom('1', '2', '22', ''),
  { maxKeys: 30 },
)

test('VersionTable finds exactly the names whose versions differ, whatever their order', () => {
  fc.assert(
    fc.property(versions, versions, fc.boolean(), (here, there, reverse) => {
      const resources = Object.entries(here).map(([name, version]) => {
        return { name, version, aliases: [], bytes: new Uint8Array() }
      })
      const entries = Object.entries(there)
      const found = new Set<string>()
      const brought = InitialVersions.of(reverse ? entries.toReversed() : entries)
      new VersionTable(resources).compare(brought, (name) => found.add(name))
      const names = new Set([...Object.keys(here), ...Object.keys(there)])
      const of = (from: Readonly<Record<string, string>>, name: string): string | undefined =>
        Object.hasOwn(from, name) ? from[name] : undefined
      assert.deepEqual(found, new Set([...names].filter((name) => of(here, name) !== of(there, name))))
      assert.deepEqual([...brought.entries()], reverse ? entries.toReversed() : entries)
    }),
  )
})
