/** What a bench says while it runs, on stderr: steps only to a terminal, notes always. */

export interface Progress {
  /** Replaces the last step. */
  readonly step: (text: string) => void;
  readonly note: (text: string) => void;
  readonly done: () => void;
}

/** A bench that cannot be run, or whose subjects disagree. */
export class BenchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BenchError';
  }
}

export function progressTo(stream: NodeJS.WriteStream): Progress {
  const clear = stream.isTTY ? '\r\u001b[K' : '';
  return {
    step: (text) => {
      if (stream.isTTY) stream.write(`${clear}${text.slice(0, Math.max(0, (stream.columns ?? 80) - 1))}`);
    },
    note: (text) => {
      stream.write(`${clear}bench: ${text}\n`);
    },
    done: () => {
      stream.write(clear);
    },
  };
}
