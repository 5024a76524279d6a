/** Files that scenarios name, read once for all cells. */
import { readFileSync, statSync } from 'node:fs';

/** Bytes of an image or a module, at most. */
export const MAX_IMAGE = 256 * 1024 ** 2;

/** Text of a scenario file. @throws Error whose message says why it cannot be read */
export function readScenarioText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > 8 * 1024 ** 2) throw new RangeError(`the file has ${size} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    throw error instanceof RangeError ? error : new Error(readFault(error));
  }
}

function readFault(error: unknown): string {
  if (error instanceof TypeError) return 'the file is not UTF-8 text';
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file';
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
