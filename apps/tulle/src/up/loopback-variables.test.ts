import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loopbackVariables } from './loopback-variables.ts'

const books = { namespace: 'shop', name: 'books' }
const launch = { namespace: 'shop', address: '127.77.1.3' }

test('loopbackVariables() names services of the own namespace as Kubernetes does, and all by their full names', () => {
  const services = [
    { service: books, port: 80, listenPort: 20_000 },
    { service: books, port: 443, listenPort: 20_001 },
    { service: { namespace: 'other', name: 'pay-roll.v2' }, port: 9000, listenPort: 20_002 },
  ]
  assert.deepEqual(loopbackVariables(launch, services, []), {
    BOOKS_SERVICE_HOST: '127.77.1.3',
    BOOKS_SERVICE_PORT: '20000',
    TULLE_SERVICE_SHOP_BOOKS: '127.77.1.3:20000',
    TULLE_SERVICE_SHOP_BOOKS_80: '127.77.1.3:20000',
    TULLE_SERVICE_SHOP_BOOKS_443: '127.77.1.3:20001',
    TULLE_SERVICE_OTHER_PAY_ROLL_V2: '127.77.1.3:20002',
    TULLE_SERVICE_OTHER_PAY_ROLL_V2_9000: '127.77.1.3:20002',
  })
})

test('loopbackVariables() say where to listen: $PORT for the first port, one for each', () => {
  const ports = [
    { port: 8080, applicationPort: 24_000 },
    { port: 9090, applicationPort: 24_001 },
  ]
  assert.deepEqual(loopbackVariables(launch, [], ports), {
    PORT: '24000',
    PORT_8080: '24000',
    PORT_9090: '24001',
  })
})
