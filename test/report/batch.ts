/** Batches made by hand: plausible numbers from a small formula, so that tests can say what must come out. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BATCH_FORMAT,
  type BatchResults,
  type CellRecord,
  type CellStatus,
  deterministicPart,
  type ParameterColumn,
  type ReportSpec,
  type ResolvedBatch,
  type Row,
} from '../../src/experiment/cell.js';
import { DOMAIN_COLUMNS, HOST_COLUMNS } from '../../src/experiment/columns.js';
import { fingerprint } from '../../src/experiment/fingerprint.js';

export const MEMORIES = [4, 8, 16, 32].map((mib) => mib * 1024 ** 2);
export const PAGES = ['4k', '2m'];
export const REPEATS = 5;

const PARAMETERS: readonly ParameterColumn[] = [
  { name: 'memory', path: 'domains.sieve.memory', type: 'number', unit: 'bytes' },
  { name: 'page', path: 'domains.*.translation.page', type: 'text' },
];

function domain(name: string, memory: number, page: string, seed: number): Row {
  const misses = Math.round((memory / 4096) * (page === '4k' ? 40 : 7) * (name === 'sieve' ? 1 : 1.7)) + (seed % 100);
  const row: Record<string, string | number> = {};
  for (const column of DOMAIN_COLUMNS) row[column.name] = column.type === 'number' ? 0 : '';
  return {
    ...row,
    ...{ name, guest: name, memory, translation: `ept-${page}`, outcome: 'poweroff', outcome_detail: 'poweroff' },
    ...{ eip: 0x101234, retired: memory * 3, cycles: memory * 3 + misses * 12, exits: 7, exits_vmcall: 5, exits_io: 2 },
    ...{ tlb_misses: misses, walk_guest: misses * 2, walk_ept: misses * (page === '4k' ? 12 : 9) },
  };
}

/** @param slower factor of all times; `change` may alter a record before it is summed up */
export function makeRecords(slower = 1, change: (record: CellRecord) => CellRecord = (record) => record): CellRecord[] {
  const records: CellRecord[] = [];
  for (const memory of MEMORIES) {
    for (const page of PAGES) {
      for (let repeat = 0; repeat < REPEATS; repeat++) {
        const index = records.length;
        const seed = (1 + repeat * 2654435761) >>> 0;
        const domains = ['sieve', 'quicksort'].map((name) => domain(name, memory, page, seed));
        const sum = (key: string): number => domains.reduce((total, row) => total + Number(row[key]), 0);
        const host: Record<string, number> = {};
        for (const { name } of HOST_COLUMNS) host[name] = 0;
        const sums = ['retired', 'cycles', 'exits', 'tlb_misses'].map((key) => [key, sum(key)] as const);
        const totals = { ...host, pcpus: 2, domains: 2, virtual_ns: sum('cycles') / 2, ...Object.fromEntries(sums) };
        const runMs = (sum('retired') / 2e5) * slower * (1 + ((index * 7919) % 97) / 1000);
        const cell = { index, id: fingerprint({ memory, page, repeat }), parameters: { memory, page }, repeat, seed };
        records.push(
          change({
            cell,
            status: 'ok',
            deterministic: { fingerprint: fingerprint({ domains, totals }), domains, host: totals },
            claims: [],
            wallClock: { total_ms: runMs + 4, boot_ms: 3, run_ms: runMs, mips: 200 / slower, memory: 64 * 1024 ** 2 },
            reproducer: `ringfence run sweep.yaml --cell ${index}`,
            attempts: 1,
          }),
        );
      }
    }
  }
  return records;
}

export function makeBatch(records: readonly CellRecord[] = makeRecords()): BatchResults {
  const counts = { ok: 0, 'claim-failed': 0, failed: 0, timeout: 0, memory: 0, crashed: 0 };
  for (const { status } of records) counts[status as CellStatus]++;
  const deterministic = records.map(deterministicPart);
  return {
    format: BATCH_FORMAT,
    fingerprint: fingerprint(deterministic),
    passed: counts.ok === records.length,
    across: [],
    scenario: {
      name: 'sweep',
      title: 'TLB misses by memory and page size',
      description: 'Two guests, two leaf sizes.',
    },
    identity: { ringfence: '0.1.0', core: 'c'.repeat(64), costTable: 'd'.repeat(64), plan: 'e'.repeat(64) },
    parameters: PARAMETERS,
    counts,
    deterministic,
    wallClock: records.map(({ cell: _1, status: _2, deterministic: _3, claims: _4, ...rest }) => rest),
    versions: { ringfence: '0.1.0', node: '20.11.0', platform: 'linux x64' },
  };
}

export function makeResolved(batch: BatchResults, report: ReportSpec = {}): ResolvedBatch {
  return {
    format: BATCH_FORMAT,
    ...batch.scenario,
    sets: [],
    parameters: batch.parameters,
    repeats: REPEATS,
    claims: [],
    report,
    images: { sieve: 'a'.repeat(64), quicksort: 'b'.repeat(64) },
    plan: batch.identity.plan,
    cells: batch.deterministic.map(({ cell }) => cell),
  };
}

/** Writes the folder of a finished batch. */
export function writeBatch(folder: string, batch: BatchResults, report?: ReportSpec): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.json'), JSON.stringify(batch));
  writeFileSync(join(folder, 'scenario.resolved.json'), JSON.stringify(makeResolved(batch, report)));
  return folder;
}
