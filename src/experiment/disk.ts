/** Files that scenarios name, read once for all cells. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';

/** Bytes of an image or a module, at most. */
export const MAX_IMAGE = 256 * 1024 ** 2;

/** Bytes of a scenario's text, at most. */
const MAX_TEXT_BYTES = 8 * 1024 ** 2;

/** The file, also if it is a pipe, or a device that never ends. */
function readAtMost(file: string, limit: number): Uint8Array {
  const bytes = new Uint8Array(Math.min(limit, statSync(file).size) + 65536);
  const chunks: Uint8Array[] = [];
  const descriptor = openSync(file, 'r');
  try {
    for (let total = 0; ; ) {
      const read = readSync(descriptor, bytes);
      if (read === 0) return Buffer.concat(chunks);
      chunks.push(bytes.slice(0, read));
      total += read;
      if (total > limit) throw new RangeError(`the file has more than ${limit} bytes`);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Text of a scenario file. @throws Error whose message says why it cannot be read */
export function readScenarioText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readAtMost(file, MAX_TEXT_BYTES));
  } catch (error) {
    throw error instanceof RangeError ? error : new Error(readFault(error));
  }
}

function readFault(error: unknown): string {
  if (error instanceof TypeError) return 'the file is not UTF-8 text';
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file';
    case 'ELOOP':
      return 'its links lead in a circle';
    case 'EISDIR':
      return 'is a folder';
    case 'EACCES':
      return 'cannot be read: permission denied';
    default:
      return `cannot be read: ${(error as Error).message}`;
  }
}

/** What is known of files, so that the cells of a batch ask once. */
export class Disk {
  private readonly faults = new Map<string, string | undefined>();
  private readonly contents = new Map<string, Uint8Array>();
  private readonly inspected = new Map<string, string | undefined>();

  /** Why the file cannot be used, if so. */
  fault(path: string): string | undefined {
    if (this.faults.has(path)) return this.faults.get(path);
    let fault: string | undefined;
    try {
      const stat = statSync(path);
      if (!stat.isFile()) fault = 'is not a file';
      else if (stat.size > MAX_IMAGE) fault = `has ${stat.size} bytes`;
    } catch (error) {
      fault = path.includes('\0') ? 'is not a path' : readFault(error);
    }
    this.faults.set(path, fault);
    return fault;
  }

  read(path: string): Uint8Array {
    const bytes = this.contents.get(path) ?? new Uint8Array(readFileSync(path));
    this.contents.set(path, bytes);
    return bytes;
  }

  /** Answers of `ask` by `key`: the message of what it throws. */
  once(key: string, ask: () => void): string | undefined {
    if (this.inspected.has(key)) return this.inspected.get(key);
    let message: string | undefined;
    try {
      ask();
    } catch (error) {
      message = (error as Error).message;
    }
    this.inspected.set(key, message);
    return message;
  }
}
