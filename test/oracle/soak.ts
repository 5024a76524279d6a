/**
 * Millions of fresh cases against the real CPU of this machine, with progress and a summary by mnemonic.
 *
 *   npx tsx test/oracle/soak.ts [cases] [seed] [corpus …]
 *
 * Exit code 1 on any mismatch; the first few are explained.
 */
import { mnemonic } from './coverage.js';
import { diagnose } from './diagnose.js';
import { CORPORA, generator } from './generate.js';
import { findCore, Machine } from './machine.js';
import { buildNative, runComparable } from './native.js';
import { digest, kindName } from './outcome.js';
import { namesOf } from './program.js';
import { caseSeed } from './random.js';
import { uncomparedFlags, vendorHere } from './vendor.js';

const BATCH = 10_000;
const SHOWN = 10;

const [casesText = '1000000', seedText = String(Date.now() % 0x7fffffff), ...names] = process.argv.slice(2);
const total = Number(casesText);
const seed = Number(seedText);
const corpora = CORPORA.filter((c) => names.length === 0 || names.includes(c.name));
const core = findCore();
const native = buildNative();
if (!('path' in core)) throw new Error(core.reason);
if (!('path' in native)) throw new Error(`no real CPU to compare with: ${native.reason}`);
const machine = new Machine(core.path);
const harness = native.path;
const vendor = vendorHere();

/** Per mnemonic: cases that hold it, and how many of those differ. */
const seen = new Map<string, { cases: number; mismatches: number }>();
const ends = new Map<string, number>();
let compared = 0;
let mismatches = 0;

function run(corpus: (typeof CORPORA)[number], base: number, count: number): void {
  const generate = generator(corpus.mixture);
  for (let first = 0; first < count; first += BATCH) {
    const programs = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) =>
      generate(caseSeed(base, first + i)),
    );
    const outcomes = runComparable(harness, programs);
    for (const [i, program] of programs.entries()) {
      const expected = outcomes[i];
      if (expected === undefined) continue;
      compared++;
      const actual = machine.run(program, i % 8 === 7 ? 1 : 0);
      const undefinedFlags = uncomparedFlags(vendor, program, expected);
      const same = digest(expected, undefinedFlags) === digest(actual, undefinedFlags);
      const end = kindName(expected.kind);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      for (const name of new Set(namesOf(program).map(mnemonic))) {
        const row = seen.get(name) ?? { cases: 0, mismatches: 0 };
        row.cases++;
        if (!same) row.mismatches++;
        seen.set(name, row);
      }
      if (same) continue;
      if (++mismatches <= SHOWN) {
        const again = machine.run(program, 0, true);
        console.log(`${corpus.name}\n${diagnose(program, again, native, undefinedFlags)}\n`);
      }
    }
    process.stderr.write(`\r${corpus.name}: ${first + programs.length} of ${count}, ${mismatches} mismatches   `);
  }
  process.stderr.write('\n');
}

const began = performance.now();
for (const [k, corpus] of corpora.entries()) run(corpus, seed + k, Math.ceil(total / corpora.length));
const rows = [...seen].sort(([a], [b]) => (a < b ? -1 : 1));
console.log(
  rows
    .map(([name, r]) => `${name.padEnd(32)}${String(r.cases).padStart(10)}${String(r.mismatches).padStart(8)}`)
    .join('\n'),
);
console.log(
  [...ends]
    .sort()
    .map(([name, n]) => `${name} ${n}`)
    .join('  '),
);
const seconds = (performance.now() - began) / 1000;
console.log(`${compared} cases compared, ${mismatches} mismatches, seed ${seed}, ${seconds.toFixed(0)} s`);
process.exitCode = mismatches > 0 ? 1 : 0;
