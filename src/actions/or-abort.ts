// Owns waiting for shared work under a signal: the wait ends with the signal, the work goes on for the others.

/** The work's result, or a rejection with the signal's reason as soon as it aborts. */
export async function orAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => {}); // after an abort nobody else may be looking
  signal.throwIfAborted();
  const stop = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: stop.signal });
  });
  return Promise.race([work, aborted]).finally(() => stop.abort());
}
