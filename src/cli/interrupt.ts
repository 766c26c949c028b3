// Owns Ctrl-C: the first one asks to end, a second one ends at once.
import { EXIT } from './command-context.ts';
import type { CliIo } from './io.ts';

/** Runs `work` with a signal that the first Ctrl-C aborts; `onFirst` is told of it. */
export async function interruptible<T>(io: CliIo, onFirst: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = io.onInterrupt(() => {
    if (controller.signal.aborted) {
      io.exit(EXIT.interrupted);
      return;
    }
    controller.abort();
    onFirst();
  });
  try {
    return await work(controller.signal);
  } finally {
    stop();
  }
}
