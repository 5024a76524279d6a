/** What `submit`, `worker` and `collect` share. */
import { AbortedError, QueueError } from '../index.js';
import { asUsage } from './batch.js';
import { CommandError, EXIT } from './exit.js';
import type { Io } from './io.js';
import { exitCodeOf } from './run.js';

export const QUEUE_OPTION = ['--queue <url>', 'Redis, as redis://host:port[/database]'] as const;

/** Errors of the queue as messages with exit codes. */
export async function queueErrors<T>(io: Io, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof QueueError) throw new CommandError(EXIT.usage, error.message);
    if (error instanceof AbortedError || io.signal.aborted)
      throw new CommandError(exitCodeOf(io.signal), 'interrupted; what is done stays in the queue');
    throw asUsage(error);
  }
}
