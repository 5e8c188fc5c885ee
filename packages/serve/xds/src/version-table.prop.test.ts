import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bucketOf } from '@tulle/mesh-xds'
import type { MeshResource } from '@tulle/mesh-xds'
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

test('VersionTable compares what was replaced in it, and within buckets, as a new one would', () => {
  fc.assert(
    fc.property(versions, versions, versions, fc.array(versions), (before, changes, there, others) => {
      const resource = (name: string, version: string): MeshResource => {
        return { name, version, aliases: [], bytes: new Uint8Array() }
      }
      const here = new Map(Object.entries(before))
      const table = new VersionTable(Array.from(here, ([name, version]) => resource(name, version)))
      for (const [name, version] of Object.entries(changes)) {
        const fits = here.get(name)?.length === version.length
        assert.equal(table.replace(name, version), fits)
        if (fits) here.set(name, version)
      }
      const within = new Set(Object.keys(before).slice(2).map(bucketOf))
      // What others brought before leaves no trace.
      for (const other of others) table.compare(InitialVersions.of(Object.entries(other)), () => undefined)
      for (const buckets of [undefined, within]) {
        const [found, expected] = [new Set<string>(), new Set<string>()]
        const brought = InitialVersions.of(Object.entries(there))
        table.compare(brought, (name) => found.add(name), buckets)
        const made = new VersionTable(Array.from(here, ([name, version]) => resource(name, version)))
        made.compare(brought, (name) => expected.add(name))
        const counts = (name: string): boolean =>
          buckets === undefined || Object.hasOwn(there, name) || buckets.has(bucketOf(name))
        assert.deepEqual(found, new Set([...expected].filter(counts)))
      }
    }),
  )
})
