import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseStandaloneConfig } from './standalone-config.ts'

const good = `
workloads:
- uid: cluster1//v1/Pod/default/local
  name: local
  namespace: default
  serviceAccount: default
  protocol: HBONE
  workloadIps: ["127.0.0.1", "::ffff:127.0.0.2"]
  authorizationPolicies: [default/deny-9999]
  services:
    "default/example.com":
      80: 8080
services:
- name: local
  namespace: default
  hostname: example.com
  vips: [/127.10.0.1]
  ports:
    80: 8080
policies:
- name: deny-9999
  namespace: default
  scope: WorkloadSelector
  action: Deny
  rules:
  - - - notDestinationPorts: [9999]
        principals: [{ exact: cluster.local/ns/a/sa/b }]
`

test('parseStandaloneConfig() reads workloads, services and policies in the shape of a ztunnel file', () => {
  const parsed = parseStandaloneConfig(good, 'mesh.yaml')
  assert.equal(parsed.ok, true)
  if (!parsed.ok) return
  const [workload] = parsed.value.workloads
  assert.deepEqual(workload?.addresses, ['127.0.0.1', '127.0.0.2'])
  assert.equal(workload?.tunnel, 'hbone')
  assert.deepEqual(workload?.services.get('default/example.com'), [{ servicePort: 80, targetPort: 8080 }])
  assert.deepEqual(parsed.value.services[0]?.addresses, [{ network: '', address: '127.10.0.1' }])
  const match = parsed.value.policies[0]?.rules[0]?.clauses[0]?.matches[0]
  assert.deepEqual(match?.principals, [{ kind: 'exact', value: 'cluster.local/ns/a/sa/b' }])
  assert.deepEqual(match?.notDestinationPorts, [9999])
})

for (const [what, text, problem] of [
  [
    'an unknown key',
    'workloads:\n- uid: a\n  portocol: HBONE\n',
    /^mesh\.yaml:2:3: workloads\.0: .*portocol/u,
  ],
  [
    'a bad address',
    'workloads:\n- uid: a\n  workloadIps: [300.1.1.1]\n',
    /^mesh\.yaml:3:17: workloads\.0\.workloadIps\.0: expected an IP address/u,
  ],
  [
    'a bad port',
    'services:\n- { name: a, namespace: b, hostname: c, ports: { 80: 70000 } }\n',
    /^mesh\.yaml:2:\d+: services\.0\.ports\.80: .*65535/u,
  ],
  ['broken YAML', 'workloads: [', /^mesh\.yaml:1:13: /u],
] as const) {
  test(`parseStandaloneConfig() says where ${what} is`, () => {
    const parsed = parseStandaloneConfig(text, 'mesh.yaml')
    assert.equal(parsed.ok, false)
    if (!parsed.ok) assert.match(parsed.error.join('\n'), problem)
  })
}
