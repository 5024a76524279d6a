/** Runs one micro bench: checks that all subjects compute the same, then lets them take turns for several rounds. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchError, type Progress } from '../progress.js';
import { type Measured, type Row, rowsOf, significant } from '../report.js';
import { median } from '../statistics.js';
import type { MicroBench } from './benches.js';
import { type Clock, functionSubject, nativeSubject, type Round, type Subject, whyNoC } from './subject.js';

export interface MicroOptions {
  readonly rounds: number;
  readonly clock: Clock;
}

const WARM_UP_MS = 150;
const ROUND_MS = 60;

export async function runMicro(
  bench: MicroBench,
  { rounds, clock }: MicroOptions,
  progress: Progress,
): Promise<readonly Row[]> {
  const { machine, operations, subjects, natives } = bench.prepare();
  const all: Subject[] = subjects.map(({ name, about, call }) => functionSubject(name, about, clock, call));
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));
  try {
    const reason = natives.length === 0 ? undefined : whyNoC();
    if (reason !== undefined) progress.note(`${bench.name}: the C subject is skipped: ${reason}`);
    for (const { name = 'c', about, ...native } of reason === undefined ? natives : []) {
      const c = nativeSubject(name, { ...native, numbers: machine.numbers, memory: machine.u8, folder, clock });
      if (c === undefined) progress.note(`${bench.name}: the C subject is skipped: it does not compile here`);
      else all.push(about === undefined ? c : { ...c, about });
    }
    await checkAll(bench.name, all);
    const results = await takeTurns(bench.name, all, rounds, progress);
    const perOperation = (nanoseconds: number): number => significant(nanoseconds / operations);
    const measured = all.map(({ name, about }): Measured => {
      const own = results.get(name)!;
      return {
        subject: name,
        about,
        values: own.map(({ p50 }) => p50 / operations),
        more: {
          operation: bench.operation,
          clock,
          p99: perOperation(median(own.map(({ p99 }) => p99))),
          rme: significant(median(own.map(({ rme }) => rme)), 3),
          calls: own.reduce((sum, { calls }) => sum + calls, 0),
        },
      };
    });
    return rowsOf(bench.name, 'ns', measured);
  } finally {
    for (const subject of all) subject.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function checkAll(bench: string, subjects: readonly Subject[]): Promise<void> {
  const checksums = new Map<string, number>();
  for (const subject of subjects) checksums.set(subject.name, await subject.check());
  if (new Set(checksums.values()).size === 1) return;
  const list = [...checksums].map(([name, value]) => `${name} ${value.toString(16)}`).join(', ');
  throw new BenchError(`${bench}: the subjects compute different things: ${list}`);
}

/** Each round begins with another subject, so that no one always follows the same neighbour. */
async function takeTurns(
  bench: string,
  subjects: readonly Subject[],
  rounds: number,
  progress: Progress,
): Promise<ReadonlyMap<string, readonly Round[]>> {
  for (const subject of subjects) await subject.round(WARM_UP_MS);
  const results = new Map<string, Round[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[(round + i) % subjects.length]!;
      progress.step(`${bench}: round ${round + 1} of ${rounds}, ${subject.name}`);
      results.get(subject.name)!.push(await subject.round(ROUND_MS));
    }
  }
  return results;
}
