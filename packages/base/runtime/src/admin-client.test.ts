import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { adminClient, withQuery } from './admin-client.ts'

/** Answers with what was asked; `/refused`, `/odd` and `/cut` don't. */
async function serve(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tulle-client-'))
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      const { method, url = '' } = request
      if (url === '/refused') response.writeHead(409).end('{"code":"NO","message":"not now"}\n')
      else if (url === '/odd') response.writeHead(502).end('<html>')
      else if (url === '/cut') {
        response.write('{"n":1}\n')
        setImmediate(() => response.destroy())
      } else if (url === '/lines') response.end('{"n":1}\n\n{"n":2}\n')
      else response.end(JSON.stringify({ method, url, body }))
    })
  })
  const path = join(folder, 's')
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })
  return path
}

test('adminClient asks over the socket and reads what it is told', async (t) => {
  const client = adminClient(await serve(t))
  assert.deepEqual(await client.get('/a'), { method: 'GET', url: '/a', body: '' })
  assert.deepEqual(await client.post('/b', { c: 1 }), { method: 'POST', url: '/b', body: '{"c":1}' })
  const seen: unknown[] = []
  for await (const value of client.watch('/lines')) seen.push(value)
  for await (const value of client.follow('/lines')) seen.push(value)
  assert.deepEqual(seen, [{ n: 1 }, { n: 2 }, { n: 1 }, { n: 2 }])
})

test('adminClient says why it was refused, and who does not answer', async (t) => {
  const client = adminClient(await serve(t))
  const refusal = { code: 'ADMIN_REFUSED', message: 'not now', context: { status: 409 } }
  await assert.rejects(client.get('/refused'), refusal)
  await assert.rejects(client.get('/odd'), { code: 'ADMIN_REFUSED', message: /answered 502: <html>/u })
  await assert.rejects(
    async () => {
      for await (const _ of client.watch('/cut')) continue
    },
    { code: 'ADMIN_UNREACHABLE' },
  )
  await assert.rejects(adminClient('/nonexistent/s').get('/a'), { code: 'ADMIN_UNREACHABLE' })
})

test('adminClient ends a watch quietly when its signal aborts', async (t) => {
  const client = adminClient(await serve(t))
  const stop = new AbortController()
  for await (const _ of client.watch('/cut', stop.signal)) stop.abort()
})

test('withQuery writes lists as one name several times, and leaves out what is undefined', () => {
  assert.equal(withQuery('/a', { b: ['x y', 'z'], c: 1, d: undefined }), '/a?b=x+y&b=z&c=1')
  assert.equal(withQuery('/a', {}), '/a')
})
