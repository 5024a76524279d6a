/** What the parent tells a child that runs an engine inside Node.js, and what it hears back: one JSON object each. */
import { writeSync } from 'node:fs';
import type { Mark } from './markers.js';

export interface Job {
  readonly image: string;
  readonly imageName: string;
  readonly cmdline: string;
  readonly memoryMiB: number;
  /** The guest is finished when it has printed so many checksums (or `@done`); 0 where only it knows. */
  readonly checksums: number;
  /** Engine's own. */
  readonly options: Readonly<Record<string, string | boolean>>;
}

export interface JobResult {
  readonly marks: readonly Mark[];
  /** How the guest ended, for messages. */
  readonly end: string;
}

/** The job of this child process. */
export function readJob(): Job {
  return JSON.parse(process.argv[2] ?? '') as Job;
}

/** Writes the result and ends the process at once: the engine must not run on, whatever it still has to do. */
export function finish(result: JobResult): never {
  const text = Buffer.from(`${JSON.stringify(result)}\n`);
  for (let done = 0; done < text.length; ) done += writeSync(1, text, done);
  process.exit(0);
}
