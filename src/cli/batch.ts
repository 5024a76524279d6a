/** What commands about the folder of a batch share. */
import { BatchError, type BatchResults, readBatch } from '../index.js';
import { CommandError, EXIT } from './exit.js';

/** Results of a finished batch. @throws CommandError */
export const openBatch = (folder: string): BatchResults => usageErrors(() => readBatch(folder));

/** Runs `action`; a BatchError becomes a message to the user with exit code 2. */
export function usageErrors<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asUsage(error);
  }
}

export function asUsage(error: unknown): unknown {
  return error instanceof BatchError ? new CommandError(EXIT.usage, error.message) : error;
}
