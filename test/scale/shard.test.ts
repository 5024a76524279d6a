import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BatchResults } from '../../src/experiment/cell.js';
import { journalLine, readJournal } from '../../src/experiment/journal.js';
import { mergeBatches } from '../../src/experiment/shard.js';
import { slurmScript } from '../../src/experiment/slurm.js';
import { readBatch } from '../../src/experiment/tables.js';
import { sweep } from '../../src/index.js';
import { CELLS, COMMAND, Folder, start } from './sweep.js';

// Many processes, each of which compiles the machine: slow on a busy computer.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const folder = new Folder();
let whole: BatchResults;
const shards = [1, 2, 3].map((index) => folder.at(`shard-${index}`));

beforeAll(async () => {
  whole = await sweep(folder.scenario, { out: folder.at('whole'), workers: 2 });
  for (const [position, out] of shards.entries()) {
    await sweep(folder.scenario, { out, workers: 1, shard: { index: position + 1, count: 3 } });
  }
});
afterAll(() => folder.remove());

/** A copy of a shard whose journal was changed. */
function altered(shard: number, change: (journal: ReturnType<typeof readJournal>) => void): string {
  const copy = folder.at(`altered-${Math.random().toString(36).slice(2)}`);
  cpSync(shards[shard]!, copy, { recursive: true });
  const journal = structuredClone(readJournal(copy));
  change(journal);
  const entries = [
    journal.header,
    ...[...journal.records.values()].map((record) => ({ kind: 'cell' as const, record })),
  ];
  writeFileSync(join(copy, 'journal.ndjson'), entries.map((entry, line) => journalLine(line, entry)).join(''));
  return copy;
}

describe('ringfence merge', () => {
  it('gives the batch that one machine gives, byte for byte in its deterministic part', async () => {
    const out = folder.at('merged');
    const merged = await mergeBatches([...shards].reverse(), out);
    expect(merged.fingerprint).toBe(whole.fingerprint);
    expect(merged.deterministic).toHaveLength(CELLS);
    const part = (path: string): string => {
      const text = readFileSync(join(path, 'results.json'), 'utf8');
      return text.slice(text.indexOf('"deterministic"'), text.indexOf('"wallClock"'));
    };
    expect(part(out) === part(folder.at('whole'))).toBe(true);
    expect(readFileSync(join(out, 'scenario.yaml'), 'utf8')).toBe(readFileSync(folder.scenario, 'utf8'));
    expect(JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'))).toMatchObject({ identity: whole.identity });
    expect(readJournal(out).header.shard).toBeUndefined();
  });

  it('refuses what does not belong together, and writes nothing', async () => {
    const out = folder.at('refused');
    const [one = '', two = '', three = ''] = shards;
    const refuse = async (folders: readonly string[], message: RegExp): Promise<void> => {
      await expect(mergeBatches(folders, out)).rejects.toThrow(message);
      expect(existsSync(out)).toBe(false);
    };
    await refuse([one, two], /cells 2, 5, 8, 11 are in no folder; given: shards 1\/3, 2\/3/);
    await refuse([one, two, three, one], /cell 0 is in .*shard-1 \(shard 1\/3\) and in .*shard-1/);
    await refuse([folder.at('whole'), two], /cell 1 is in .*whole \(shard all\) and in .*shard-2/);
    await refuse([one, folder.at('nowhere'), three], /there is no journal/);
    await refuse([], /nothing to merge/);
    const lost = altered(1, ({ records }) => (records as Map<number, unknown>).delete(4));
    await refuse([one, lost, three], /\(shard 2\/3\) is not finished: cells 4 are missing; --resume it/);
    const members = { ringfence: 'version', core: 'core.wasm', costTable: 'cost table', plan: 'scenario' } as const;
    for (const [member, told] of Object.entries(members)) {
      const other = altered(1, ({ header }) => Object.assign(header.identity, { [member]: 'other' }));
      await refuse([one, other, three], new RegExp(`does not belong to .*${told}.* differs`));
    }
    const renamed = altered(1, ({ records }) => Object.assign(records.get(4)!.cell, { id: '0'.repeat(64) }));
    await refuse([one, renamed, three], /records are of another plan: cells 4/);
  });

  it('does not touch a folder that holds something', async () => {
    writeFileSync(join(shards[0]!, '..', 'note'), '');
    await expect(mergeBatches(shards, folder.path)).rejects.toThrow(/is not empty/);
  });
});

describe('ringfence slurm', () => {
  it('prints a script whose tasks, run by bash, make the whole', async () => {
    const { ended } = start('slurm', folder.scenario, '--tasks', '2', '--cpus', '2', '--out', folder.at('slurm'));
    const { code, out: script } = await ended;
    expect(code).toBe(0);
    expect(script).toContain('#SBATCH --array=1-2');
    const folders = [1, 2].map((task) => folder.at(`slurm/shard-${task}`));
    for (const task of ['1', '2', '2']) {
      const env = { ...process.env, SLURM_ARRAY_TASK_ID: task, SLURM_CPUS_PER_TASK: '2', RINGFENCE: COMMAND.join(' ') };
      const { status, stderr } = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']); // the second time, task 2 finds everything done
    }
    const merged = await mergeBatches(folders, folder.at('slurm/merged'));
    expect(merged.fingerprint).toBe(whole.fingerprint);
    expect(readBatch(folder.at('slurm/merged')).passed).toBe(true);
  });

  it('quotes what a shell would take apart, and refuses to run outside of Slurm', () => {
    const evil = `a b'; touch ${folder.at('evil')} #`;
    const job = { scenario: evil, sets: [evil], tasks: 1, cpus: 1, out: folder.at('o'), name: evil };
    const script = slurmScript(job);
    expect(spawnSync('bash', ['-c', script], { env: { PATH: process.env.PATH } }).status).not.toBe(0);
    const env = { ...process.env, SLURM_ARRAY_TASK_ID: '1', RINGFENCE: 'true' };
    expect(spawnSync('bash', ['-c', script], { env }).status).toBe(0);
    expect(existsSync(folder.at('evil'))).toBe(false);
  });
});
