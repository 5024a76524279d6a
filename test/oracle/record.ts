/**
 * Records the golden data: generates each corpus, runs it on the real CPU, writes golden/*.bin.gz and golden/coverage.txt.
 *
 *   npx tsx test/oracle/record.ts [corpus …]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Coverage } from './coverage.js';
import { CORPORA, type Corpus, floats, generator } from './generate.js';
import { goldenPath, type Row, SEED, writeGolden } from './golden.js';
import { buildNative, runComparable } from './native.js';
import { digest } from './outcome.js';
import { caseSeed } from './random.js';
import { uncomparedFlags, vendorHere } from './vendor.js';

const BATCH = 20_000;

/** "AuthenticAMD AMD EPYC family 26 model 2 stepping 1" */
function processor(): string {
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  const field = (name: string): string => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '?';
  return `${field('vendor_id')} ${cpus()[0]?.model ?? '?'} family ${field('cpu family')} model ${field('model')} stepping ${field('stepping')}`;
}

function record(path: string, corpus: Corpus, coverage: Coverage): void {
  const generate = generator(corpus.mixture);
  const rows: Row[] = [];
  let recorded = 0;
  for (let first = 0; first < corpus.cases; first += BATCH) {
    const count = Math.min(BATCH, corpus.cases - first);
    const programs = Array.from({ length: count }, (_, i) => generate(caseSeed(SEED, first + i)));
    const outcomes = runComparable(path, programs);
    for (const [i, program] of programs.entries()) {
      const o = outcomes[i];
      if (o === undefined || program.marks.length === 1) {
        rows.push({ code: undefined, undefined: 0, kind: 0, digest: 0 });
        continue;
      }
      const undefinedFlags = uncomparedFlags(vendorHere(), program, o);
      rows.push({ code: program.code, undefined: undefinedFlags, kind: o.kind, digest: digest(o, undefinedFlags) });
      recorded++;
      coverage.add(corpus.name, program, o);
    }
  }
  const header = {
    format: 1 as const,
    corpus: corpus.name,
    seed: SEED,
    cases: corpus.cases,
    recorded,
    float: floats(corpus.mixture),
    processor: processor(),
    kernel: `Linux ${release().replace(/-.*/, '')} ${process.arch}`,
  };
  const size = writeGolden(goldenPath(corpus.name), header, rows);
  console.log(`${corpus.name}: ${recorded} of ${corpus.cases} cases recorded, ${(size / 1024).toFixed(0)} KiB`);
}

const native = buildNative();
if (!('path' in native)) {
  console.error(`cannot record: ${native.reason}`);
  process.exit(1);
}
const wanted = process.argv.slice(2);
const coverage = new Coverage();
for (const corpus of CORPORA) {
  if (wanted.length === 0 || wanted.includes(corpus.name)) record(native.path, corpus, coverage);
}
if (wanted.length === 0) {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'golden', 'coverage.txt');
  writeFileSync(file, `${coverage.table()}\n`);
}
