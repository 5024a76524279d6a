/** Cells that misbehave, on the real machine. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { cellTask } from '../../src/experiment/batch.js';
import { CellPool } from '../../src/experiment/cell-pool.js';
import { runCell } from '../../src/experiment/cell-run.js';
import {
  type BatchResults,
  checkScenario,
  defineScenario,
  machine,
  planOf,
  type SweepOptions,
  sweep,
} from '../../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ringfence-batch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => join(folder, `out-${folders++}`);

function flipLast(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
}

const small = defineScenario({
  title: 'Small',
  host: { pcpus: 2, quantum: '200us' },
  domains: {
    a: { guest: 'sieve', cmdline: 'n=1000', memory: '4MiB', expect: { outcome: 'poweroff', checksum: 'native' } },
    b: { guest: 'timer', cmdline: 'ticks=5', memory: '4MiB' },
  },
  sweep: { grid: { 'host.pcpus': [1, 2], 'domains.a.memory': ['4MiB', '8MiB', '12MiB'] } },
  repeat: 2,
});
const run = (options: SweepOptions = {}): Promise<BatchResults> => sweep(small, { workers: 2, ...options });
const first = run();

describe('a batch with faults', () => {
  it('records cells that fail, hang, exhaust memory or kill their worker, retries once, and goes on', async () => {
    const out = fresh();
    const marker = join(folder, 'marker');
    const faults = ['n=1000', 'exit', 'hang', 'throw', `once ${marker}`, 'n=100000'];
    const scenario = defineScenario({
      domains: { a: { guest: 'sieve', memory: '4MiB' } },
      sweep: {
        zip: {
          'domains.a.cmdline': [...faults, 'n=400000'],
          'domains.a.memory': [...faults.map(() => '4MiB'), '512MiB'],
        },
      },
    });
    const worker = join(import.meta.dirname, 'faulty-worker.ts');
    const limits = { timeMs: 5000, memoryBytes: 256 * 1024 ** 2 };
    const { deterministic, wallClock, passed } = await sweep(scenario, { workers: 2, out, worker, limits });
    expect(passed).toBe(false);
    expect(deterministic.map(({ status }) => status)).toEqual([
      'ok',
      'crashed',
      'timeout',
      'crashed',
      'ok',
      'ok',
      'memory',
    ]);
    expect(wallClock.map(({ attempts }) => attempts)).toEqual([1, 2, 2, 2, 2, 1, 2]);
    expect(wallClock[1]?.error?.message).toMatch(/exited with code: 3/);
    expect(wallClock[2]?.error?.message).toBe('did not end within 5 s of real time');
    expect(wallClock[3]?.error?.message).toMatch(/thrown by the worker/);
    expect(wallClock[6]?.error?.message).toMatch(/needs \d+ MiB of flat memory; the limit is 256 MiB/);
    expect(wallClock[1]?.reproducer).toBe(`ringfence run ${out}/scenario.yaml --cell 1`);
    const again = await sweep(scenario, { workers: 2, out, worker, limits, resume: true });
    expect(again.deterministic).toEqual(deterministic);
  }, 60_000);

  it('takes no result of a guest, module or disk that changed under it', async () => {
    const [guest, module, disk] = ['g.elf', 'm.bin', 'd.img'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    for (const changed of [guest, module, disk]) {
      copyFileSync('guests/images/sieve.elf', guest);
      for (const file of [module, disk]) writeFileSync(file, Buffer.alloc(1024, 1));
      const a = { guest, cmdline: 'n=1000', modules: [{ file: module, name: 'hello' }], disk: { file: disk } };
      const scenario = defineScenario({
        domains: { a, b: { guest: 'hello' } }, // a module that is called like a guest of the catalogue
        sweep: { grid: { 'host.seed': [1, 2, 3] } },
      });
      const plan = checkScenario(scenario);
      const images = Object.values(planOf(plan).resolved.images);
      expect(new Set(images).size).toBe(3); // module and disk are equal
      const { counts, wallClock } = await sweep(plan, {
        workers: 1,
        onProgress: ({ doneNow }) => doneNow === 1 && flipLast(changed),
      });
      expect(counts).toMatchObject({ ok: 1, failed: 2 });
      expect(wallClock[2]?.error).toMatchObject({
        code: 'file-changed',
        message: /^one of .*hello, .* is not the file/,
      });
    }
  }, 60_000);

  it('takes no result of a file that is gone when the guest has run, and throws nothing', async () => {
    const guest = join(folder, 'gone.elf');
    copyFileSync('guests/images/sieve.elf', guest);
    const scenario = defineScenario({ domains: { a: { guest, cmdline: 'n=1000' } }, repeat: 2 });
    const plan = planOf(checkScenario(scenario));
    const platform = machine();
    const ended: typeof platform.runHost = async (...args) => {
      const result = await platform.runHost(...args);
      rmSync(guest);
      return result;
    };
    const record = await runCell(cellTask(plan, plan.cells[0]!, {}), { ...platform, runHost: ended });
    expect(record).toMatchObject({ status: 'failed', error: { code: 'file-changed' } });
  });

  it('runs failed cells again with retry, and only then', async () => {
    const scenario = defineScenario({
      domains: { a: { guest: 'sieve', memory: '4MiB', 'max-instructions': 1000 } },
      sweep: { grid: { 'domains.a.cmdline': ['n=1000', 'exit', 'n=2000'] } },
    });
    const out = fresh();
    const worker = join(import.meta.dirname, 'faulty-worker.ts');
    const failed = await sweep(scenario, { workers: 1, out, worker });
    expect(failed.counts).toMatchObject({ ok: 2, crashed: 1 });
    expect((await sweep(scenario, { workers: 1, out, resume: true })).fingerprint).toBe(failed.fingerprint);
    let ran = 0;
    const onProgress = ({ doneNow }: { doneNow: number }): void => {
      ran = doneNow;
    };
    const again = await sweep(scenario, { workers: 1, out, resume: true, retry: true, onProgress });
    expect([ran, again.counts.ok]).toEqual([1, 3]);
    expect(again.fingerprint).toBe((await sweep(scenario, { workers: 1 })).fingerprint);
  });

  it('stops when a console cannot be written, and goes on when it can: the cell is not to blame', async () => {
    const out = fresh();
    mkdirSync(out);
    writeFileSync(join(out, 'console'), 'in the way');
    const options = { out, consoles: 'all', resume: true } as const;
    await expect(run(options)).rejects.toMatchObject({
      name: 'JournalWriteError',
      message: /^consoles cannot be written/,
    });
    rmSync(join(out, 'console'));
    expect((await run(options)).fingerprint).toBe((await first).fingerprint);
  });

  const mount = process.getuid?.() === 0 ? spawnSync('mount', ['--version']).status === 0 : false;
  it.skipIf(!mount)(
    'of a disk that is full from the start, or at some cell, says so (tmpfs; needs root)',
    async ({ skip }) => {
      const at = fresh();
      mkdirSync(at);
      for (const size of ['4k', '24k']) {
        if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', at]).status !== 0)
          skip('mount is not allowed');
        try {
          const out = join(at, 'out');
          await expect(run({ out, resume: true, consoles: 'all' })).rejects.toMatchObject({ code: 'ENOSPC' });
          spawnSync('mount', ['-o', 'remount,size=4m', at]);
          expect((await run({ out, resume: true, consoles: 'all' })).fingerprint).toBe((await first).fingerprint);
        } finally {
          spawnSync('umount', [at]);
        }
      }
    },
  );

  it('has the same results when its workers are killed under it', async () => {
    process.env.RINGFENCE_TEST_DEATHS = mkdtempSync(join(folder, 'deaths-'));
    try {
      const results = await run({ worker: join(import.meta.dirname, 'faulty-worker.ts'), out: fresh() });
      expect(results.wallClock.map(({ attempts }) => attempts)).toEqual([2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1]);
      expect(results.deterministic).toEqual((await first).deterministic);
      expect(results.fingerprint).toBe((await first).fingerprint);
    } finally {
      delete process.env.RINGFENCE_TEST_DEATHS;
    }
  });

  it('records a cell that exhausts the heap of its thread, and goes on', async () => {
    const heap = defineScenario({
      domains: { a: { guest: 'sieve', memory: '4MiB' } },
      sweep: { grid: { 'domains.a.cmdline': ['heap', 'n=1000'] } },
    });
    const plan = planOf(checkScenario(heap));
    const worker = join(import.meta.dirname, 'faulty-worker.ts');
    const pool = new CellPool({ workers: 1, timeMs: 30_000, heapMiB: 64, worker });
    const [greedy, modest] = plan.cells.map((cell) => cellTask(plan, cell, {}));
    expect(await pool.run(greedy!)).toMatchObject({ status: 'memory', attempts: 2, error: { code: 'memory' } });
    expect(await pool.run(modest!)).toMatchObject({ status: 'ok', attempts: 1 });
    await pool.close();
  });
});
