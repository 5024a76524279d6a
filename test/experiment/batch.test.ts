/** Batches on the real machine. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readJournal as readBatchJournal } from '../../src/experiment/journal.js';
import {
  AbortedError,
  type BatchResults,
  checkScenario,
  defineScenario,
  JournalError,
  LockedError,
  OutputError,
  planOf,
  runScenario,
  ScenarioError,
  type ScenarioInput,
  type SweepOptions,
  sweep,
} from '../../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ringfence-batch-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => join(folder, `out-${folders++}`);

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

describe('a batch', () => {
  it('has the same results for any number of workers, with and without a folder, and as each cell run alone', async () => {
    const { deterministic, fingerprint, passed, counts } = await first;
    expect([passed, counts.ok, deterministic.length]).toEqual([true, 12, 12]);
    for (const options of [{ workers: 1 }, { workers: 3, out: fresh() }]) {
      const again = await run(options);
      expect(again.deterministic).toEqual(deterministic);
      expect(again.fingerprint).toBe(fingerprint);
    }
    // Over the pool of host threads, in new memory: the same bits as inline, in memory that was used before.
    for (const cell of [0, 5, 11]) {
      const { results } = await runScenario(small, { cell, workers: 2 });
      expect(results.fingerprint).toBe(deterministic[cell]?.deterministic?.fingerprint);
    }
  });

  it('of shards is the whole', async () => {
    const { deterministic } = await first;
    const parts = await Promise.all([1, 2, 3].map((index) => run({ workers: 1, shard: { index, count: 3 } })));
    const all = parts.flatMap((part) => part.deterministic).sort((a, b) => a.cell.index - b.cell.index);
    expect(all).toEqual(deterministic);
  });

  it('in memory that a larger, hostile host used before gives the same results', async () => {
    const scenario = defineScenario({
      domains: { a: { guest: 'sieve', cmdline: 'n=1000', memory: '4MiB' } },
      sweep: {
        list: [
          {},
          {
            'domains.a.guest': 'hostile-write-everywhere',
            'domains.a.memory': '32MiB',
            'domains.a.max-instructions': '3M',
            'domains.a.cmdline': '',
          },
          { 'host.pcpus': 8, 'domains.a.translation': { kind: 'direct' } },
          { 'domains.a.guest': 'hostile-garbage', 'domains.a.max-instructions': '500k', 'domains.a.cmdline': '' },
          { 'host.seed': 7 },
        ],
      },
    });
    const { deterministic } = await sweep(scenario, { workers: 1 });
    for (const { cell, deterministic: found } of deterministic) {
      const { results } = await runScenario(scenario, { cell: cell.index });
      expect([cell.index, found?.fingerprint]).toEqual([cell.index, results.fingerprint]);
    }
  });

  it('goes on after an abort without loss or repetition', async () => {
    const out = fresh();
    const controller = new AbortController();
    const stopped = run({
      ...{ out, workers: 1, signal: controller.signal },
      onProgress: ({ doneNow }) => doneNow >= 3 && controller.abort(),
    });
    await expect(stopped).rejects.toBeInstanceOf(AbortedError);
    const kept = readBatchJournal(out).records.size;
    expect(kept).toBeGreaterThanOrEqual(3);
    expect(kept).toBeLessThan(12);
    expect(existsSync(join(out, 'lock'))).toBe(false);
    let ran = 0;
    const results = await run({
      ...{ out, resume: true },
      onProgress: ({ doneNow }) => {
        ran = doneNow;
      },
    });
    expect(ran).toBe(12 - kept);
    expect(results.deterministic).toEqual((await first).deterministic);
    const cells = readFileSync(join(out, 'journal.ndjson'), 'utf8').match(/"kind":"cell"/g);
    expect(cells).toHaveLength(12);
  });

  it('refuses folders that are not its own, are locked, or are of another plan', async () => {
    const out = fresh();
    const going = run({ out });
    await expect(run({ out })).rejects.toBeInstanceOf(LockedError);
    await going;
    await expect(run({ out })).rejects.toBeInstanceOf(OutputError);
    await expect(run({ out, resume: true, sets: ['host.seed=2'] })).rejects.toMatchObject({ code: 'other-plan' });
    await expect(run({ out, resume: true, shard: { index: 1, count: 2 } })).rejects.toBeInstanceOf(JournalError);
    const mine = fresh();
    await run({ out: mine, shard: { index: 12, count: 12 } });
    writeFileSync(join(mine, 'thesis.txt'), 'x');
    await expect(run({ out: mine, resume: true })).rejects.toThrow(/holds 'thesis\.txt'/);
  });

  it('goes on with other titles and charts, but not with other claims or names: older records were judged by the older ones', async () => {
    const scenario = (change: Partial<ScenarioInput> = {}, as = 'max'): ScenarioInput => ({
      domains: { a: { guest: 'sieve', cmdline: 'n=1000' } },
      sweep: { grid: { 'domains.a.max-instructions': { as, values: [1000, 2000] } } },
      expect: [{ claim: 'few', that: 'retired < 1500' }],
      across: [{ claim: 'many', that: 'sum(domains.a.retired) > 1' }],
      ...change,
    });
    const out = fresh();
    const options = { out, resume: true, workers: 1 };
    await sweep(scenario(), options);
    for (const other of [
      scenario({ expect: [{ claim: 'few', that: 'retired > 1500' }] }),
      scenario({ across: [{ claim: 'many', that: 'sum(domains.a.retired) > 1M' }] }),
      scenario({ domains: { a: { guest: 'sieve', cmdline: 'n=1000', expect: { outcome: 'limit' } } } }),
      scenario({ domains: { a: { guest: resolve('guests/images/sieve.elf'), cmdline: 'n=1000' } } }),
      scenario({}, 'limit'),
    ]) {
      await expect(sweep(other, options)).rejects.toMatchObject({ code: 'other-plan' });
    }
    const { scenario: told } = await sweep(scenario({ title: 'New', report: { table: ['max'] } }), options);
    expect(told.title).toBe('New');
    const resolved = JSON.parse(readFileSync(join(out, 'scenario.resolved.json'), 'utf8'));
    expect(resolved).toMatchObject({ title: 'New', report: { table: ['max'] } });
    expect(readFileSync(join(out, 'scenario.yaml'), 'utf8')).toContain('title: New');
  });

  it('keeps consoles as told, its plan, its scenario, and nothing else', async () => {
    const out = fresh();
    await run({ out, consoles: 'all', workers: 1, shard: { index: 1, count: 12 } });
    expect(readdirSync(out).sort()).toEqual([
      ...['console', 'journal.ndjson', 'manifest.json', 'results.json', 'scenario.resolved.json', 'scenario.yaml'],
    ]);
    expect(readdirSync(join(out, 'console'))).toEqual(['000000']);
    expect(readFileSync(join(out, 'console/000000/a.log'), 'latin1')).toContain('@sieve');
    const resolved = JSON.parse(readFileSync(join(out, 'scenario.resolved.json'), 'utf8'));
    expect(resolved).toEqual(JSON.parse(JSON.stringify(planOf(checkScenario(small)).resolved)));
  });

  it('looks at claims of the scenario, cell by cell', async () => {
    const claims = defineScenario({
      ...small,
      repeat: 1,
      expect: [
        { claim: 'the sieve is quick', that: "domains.a.retired < 30M and all(outcome == 'poweroff', 'a')" },
        { claim: 'no more than eight', when: "param('host.pcpus') == 2", that: "param('domains.a.memory') <= 8MiB" },
      ],
    });
    const { deterministic, passed } = await sweep(claims, { workers: 2 });
    expect(passed).toBe(false);
    expect(deterministic.filter(({ status }) => status === 'claim-failed').map(({ cell }) => cell.index)).toEqual([5]);
    expect(deterministic[5]?.claims).toEqual([
      { domain: '', claim: 'no more than eight', expected: "param('domains.a.memory') <= 8MiB", found: 'not so' },
    ]);
    const { results } = await runScenario(claims, { cell: 5 });
    expect(results.failedClaims).toEqual(deterministic[5]?.claims);
  });

  it('refuses options that make no sense, rather than run no cell and call it passed', async () => {
    for (const options of [
      { workers: 0 },
      { workers: 1.5 },
      { shard: { index: 3, count: 2 } },
      { shard: { index: 0, count: 2 } },
    ])
      await expect(run(options)).rejects.toBeInstanceOf(ScenarioError);
  });

  it('throws typed errors for wrong scenarios, without line numbers of a text that the user never saw', () => {
    const wrong = { domains: { a: { guest: 'sieve', memory: '5GiB' } } };
    expect(() => checkScenario(wrong, { name: 'mine' })).toThrow(ScenarioError);
    expect(() => checkScenario(wrong, { name: 'mine' })).toThrow(/^mine: domains\.a\.memory: '5GiB' is too large/);
  });
});
