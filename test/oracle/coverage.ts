/** How often each instruction and each way to end was seen. */
import { kindName, type Outcome } from './outcome.js';
import { namesOf, type Program } from './program.js';

export class Coverage {
  readonly #corpora: string[] = [];
  readonly #mnemonics = new Map<string, Map<string, number>>();
  readonly #ends = new Map<string, Map<string, number>>();
  readonly #forms = new Set<string>();

  add(corpus: string, program: Program, outcome: Outcome): void {
    if (!this.#corpora.includes(corpus)) this.#corpora.push(corpus);
    for (const name of namesOf(program)) {
      this.#forms.add(name);
      bump(this.#mnemonics, mnemonic(name), corpus);
    }
    bump(this.#ends, kindName(outcome.kind), corpus);
  }

  /** A table of counts: a row per mnemonic and per end, a column per corpus. */
  table(): string {
    const lines = [
      `Instructions generated, by mnemonic (${this.#forms.size} forms by size and operands).`,
      this.#head(),
    ];
    lines.push(...this.#rows(this.#mnemonics), '', 'Cases by how they ended.', this.#head(), ...this.#rows(this.#ends));
    return lines.join('\n');
  }

  #head(): string {
    return `${''.padEnd(32)}${this.#corpora.map((c) => c.padStart(10)).join('')}`;
  }

  #rows(counts: Map<string, Map<string, number>>): string[] {
    return [...counts.keys()].sort().map((name) => {
      const cells = this.#corpora.map((c) => String(counts.get(name)?.get(c) ?? 0).padStart(10));
      return `${name.padEnd(32)}${cells.join('')}`;
    });
  }
}

function bump(counts: Map<string, Map<string, number>>, name: string, corpus: string): void {
  let row = counts.get(name);
  if (row === undefined) {
    row = new Map();
    counts.set(name, row);
  }
  row.set(corpus, (row.get(corpus) ?? 0) + 1);
}

const PREFIXES = /^(lock|rep|repe|repne) /;

/** "lock add32 m,r" → "add"; prefixes stay visible as rows of their own. */
export function mnemonic(form: string): string {
  const name = form.replace(PREFIXES, '').split(' ')[0]!;
  const bare = name
    .replace(/^(j|set|cmov)(16|32)?\.\d+$/, '$1cc')
    .replace(/\..*$/, '')
    .replace(/^(.*?[a-z])(8|16|32|64|80)$/, '$1');
  const prefix = PREFIXES.exec(form)?.[1];
  return prefix === undefined ? bare : `${prefix} ${bare}`;
}
