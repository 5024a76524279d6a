/** Names of domains: each once, counts expanded. */
import { basename, extname } from 'node:path';
import type { Path } from './document.js';
import { looksLikePath } from './guests.js';
import { quote } from './problem.js';
import { isName, NAME_ALLOWED } from './schema-fields.js';

/** The names of all domains, counts expanded: each once. */
export class Names {
  private readonly taken = new Map<string, Path>();
  private readonly lineOf: (path: Path) => number;
  private readonly report: (path: Path, problem: string, allowed: string, want: 'key' | 'value') => void;

  constructor(lineOf: Names['lineOf'], report: Names['report']) {
    this.lineOf = lineOf;
    this.report = report;
  }

  /** @returns the names of a domain: `name`, or `name-0` … with a count */
  take(name: string, count: number | undefined, path: Path, listed: boolean, given: boolean): string[] {
    if (name === '' && !given) return []; // it has no guest either, and that is told
    const want = listed ? 'value' : 'key';
    if (!isName(name)) {
      if (!listed || !given) this.report(path, `${quote(name)} cannot be a name`, NAME_ALLOWED, want);
      return [];
    }
    const names = count === undefined ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index}`);
    const twice = names.find((full) => this.taken.has(full));
    if (twice !== undefined) {
      const line = this.lineOf(this.taken.get(twice) ?? []);
      const where = line > 0 ? ` (first in line ${line})` : '';
      const allowed = listed && !given ? 'a name for each, or a count' : 'each name once';
      this.report(path, `the name ${quote(twice)} is used twice${where}`, allowed, want);
      return [];
    }
    for (const full of names) this.taken.set(full, path);
    return names;
  }
}

/** `images/my guest.elf` → `my guest` */
export function defaultName(guest: string): string {
  return looksLikePath(guest) ? basename(guest, extname(guest)) : guest;
}
