import { isMainThread, parentPort, Worker } from 'node:worker_threads'

/** Timers of the event loop are a millisecond apart at best, which is longer than a request takes. */
const tickMs = 0.1

/**
 * Resolves with the first tick. Calls `onTick` about every 0.15 ms (the kernel's timer slack included) as long as the loop keeps up, from a thread
 * that sleeps in between. `thisProgram` must call `runTickerThread` first of all.
 */
export async function startTicker(thisProgram: URL, onTick: () => void): Promise<Disposable> {
  const waiting = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(thisProgram, { workerData: waiting })
  // A thread takes a while to start.
  const started = Promise.withResolvers<void>()
  worker.on('error', started.reject)
  worker.on('message', () => {
    Atomics.store(waiting, 0, 0)
    started.resolve()
    onTick()
  })
  await started.promise
  return { [Symbol.dispose]: () => void worker.terminate() }
}

/** In the ticker's thread this never returns; anywhere else it does nothing. */
export function runTickerThread(workerData: unknown): void {
  if (isMainThread || !(workerData instanceof Int32Array) || parentPort === null) return
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    Atomics.wait(nobody, 0, 0, tickMs)
    // A tick that has not been taken yet is enough.
    if (Atomics.exchange(workerData, 0, 1) === 0) parentPort.postMessage(0)
  }
}
