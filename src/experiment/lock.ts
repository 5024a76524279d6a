/** One runner per folder: a file with the runner's process, taken over when that process is gone. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { BATCH_FILES } from './cell.js';

/** Another process works in the folder. */
export class LockedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LockedError';
  }
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, where the system tells: a later process may have the same id. */
  readonly began: string;
}

/** Field 22 of /proc/<pid>/stat, starttime; '' elsewhere than on Linux. */
function began(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = began(owner.pid);
  return owner.began === '' || now === '' || owner.began === now;
}

function parse(text: string): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Owner;
    return Number.isInteger(owner.pid) && owner.pid > 0 ? owner : undefined;
  } catch {
    return undefined; // cut short by a crash
  }
}

/** Takes the lock of a folder. @returns what gives it back. @throws LockedError */
export function takeLock(folder: string): () => void {
  const path = join(folder, BATCH_FILES.lock);
  const mine: Owner = { pid: process.pid, host: hostname(), began: began(process.pid) };
  const text = JSON.stringify(mine);
  // Written aside and linked into place: a lock is never seen half written.
  const aside = join(folder, `.lock-${process.pid}-${Math.floor(performance.now() * 1000)}`);
  writeFileSync(aside, text);
  try {
    for (let tries = 0; tries < 10; tries++) {
      try {
        linkSync(aside, path);
        return () => {
          if (readText(path) === text) rmSync(path, { force: true });
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const held = readText(path);
      if (held === undefined) continue;
      const owner = parse(held);
      if (owner !== undefined && owner.host !== mine.host) {
        const where = `process ${owner.pid} on ${owner.host}`;
        throw new LockedError(`${folder}: ${where} works there; if it is gone, remove ${path}`);
      }
      if (owner !== undefined && isAlive(owner)) {
        throw new LockedError(`${folder}: process ${owner.pid} works there already`);
      }
      dropStale(path, held);
    }
    throw new LockedError(`${folder}: other processes take the lock`);
  } finally {
    rmSync(aside, { force: true });
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Moves the lock of a dead process away; gives it back if another process was faster and it is no longer that lock. */
function dropStale(path: string, stale: string): void {
  const away = `${path}.stale-${process.pid}`;
  try {
    renameSync(path, away);
  } catch {
    return;
  }
  if (readText(away) !== stale) {
    try {
      linkSync(away, path);
    } catch {
      // a third process has it: it holds the folder alone, which is what a lock is for
    }
  }
  rmSync(away, { force: true });
}
