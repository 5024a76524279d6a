/** The outside world of a command; tests give their own. */
import type { Machine } from '../index.js';

export type { Machine };

import { EXIT } from './exit.js';

export interface Output {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  readonly columns: number;
}

export interface Io {
  readonly out: Output;
  readonly err: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Threads that the computer runs at once. */
  readonly parallelism: number;
  /** Aborted with an exit code as reason: 130 or 143. */
  readonly signal: AbortSignal;
  /** Folder with manifest.json. */
  readonly guests: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Loaded only when a command needs it. */
  readonly machine: () => Promise<Machine>;
}

/** Colours are for terminals, unless NO_COLOR (no-color.org) says otherwise. */
export function hasColour(io: Io): boolean {
  if ((io.env.NO_COLOR ?? '') !== '') return false;
  return io.out.isTerminal && io.env.TERM !== 'dumb';
}

/** A stream of Node.js whose reader may leave at any time (`| head`): what it will not read is dropped. */
export function outputOf(stream: NodeJS.WriteStream): Output {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    open = false;
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
  });
  return {
    write: (text) => {
      if (open) stream.write(text);
    },
    isTerminal: stream.isTTY === true,
    columns: stream.columns || 80, // 0: a terminal that was not told its size
  };
}

/** How long a run may take to stop after a signal. Results are written in one go at the end, so leaving at once is safe. */
const PATIENCE_MS = 2000;

/** Turns SIGINT and SIGTERM into an abort with the exit code as its reason. */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const stop = (exitCode: number): void => {
    if (controller.signal.aborted) process.exit(exitCode); // the second one is meant
    controller.abort(exitCode);
    setTimeout(() => process.exit(exitCode), PATIENCE_MS).unref();
  };
  process.on('SIGINT', () => stop(EXIT.interrupted));
  process.on('SIGTERM', () => stop(EXIT.terminated));
  return controller.signal;
}
