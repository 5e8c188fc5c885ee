import { test } from 'node:test'
import { checkCapture } from './testing/capture-scenario.ts'

test('installCapture redirects, keeps sources and does not loop, over IPv4', () => checkCapture(4))

test('installCapture redirects, keeps sources and does not loop, over IPv6', () => checkCapture(6))
