/** Cells that share their boot, on the real machine: results are those of cells that boot by themselves, byte for byte. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Snapshots } from '../../src/experiment/snapshots.js';
import {
  AbortedError,
  type BatchResults,
  checkScenario,
  defineScenario,
  planOf,
  resumeHost,
  runScenario,
  ScenarioError,
  type SweepOptions,
  sweep,
} from '../../src/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ringfence-boot-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;
const fresh = (): string => join(folder, `out-${folders++}`);

/** Everything that a running host can take over is swept, beside two paths that make groups. */
const scenario = defineScenario({
  host: { pcpus: 1, quantum: '100us' },
  templates: { light: { weight: 100 } },
  domains: {
    a: { guest: 'sieve', cmdline: 'n=20000', memory: '4MiB', use: 'light' },
    b: { guest: 'timer', cmdline: 'ticks=5', memory: '4MiB' },
    e: { guest: 'echo', memory: '4MiB' },
    x: { guest: 'pingpong', cmdline: 'side=first peer=4', memory: '4MiB' },
    y: { guest: 'pingpong', cmdline: 'side=second peer=3', memory: '4MiB' },
  },
  security: [{ operation: 'send', subject: 'x', verdict: 'permit' }],
  limits: { time: '1500us' }, // one of them waits for ever
  boot: { until: '300us' },
  sweep: {
    list: [
      {},
      { 'limits.time': '1ms' },
      { 'host.slice': '50us' },
      { 'host.boost': false },
      { 'security.0.verdict': 'deny' },
      { 'templates.light.weight': 5000 },
      { 'domains.b.cap': 20 },
      { 'domains.*.max-instructions': '400k' },
      { 'domains.e.input': 'hello\n' },
      { 'domains.e.input': 'other\n', 'domains.b.cap': 40 },
    ],
    grid: { 'domains.b.cmdline': ['ticks=5', 'ticks=9'] },
  },
});
const CELLS = 20;
const run = (options: SweepOptions = {}): Promise<BatchResults> => sweep(scenario, { workers: 2, ...options });
const alone = run({ limits: { snapshotBytes: 0 } });
const restored = ({ wallClock }: BatchResults): number =>
  wallClock.filter((each) => each.wallClock?.restored === 1).length;

describe('cells that share their boot', { timeout: 300_000 }, () => {
  it('have the results of cells that boot by themselves, for any number of workers, in shards, and run alone', async () => {
    const { deterministic, fingerprint, counts } = await alone;
    expect(counts.ok).toBe(CELLS);
    expect(restored(await alone)).toBe(0);
    expect(new Set(deterministic.map((each) => JSON.stringify(each.deterministic?.domains))).size).toBeGreaterThan(10);
    for (const workers of [1, 3]) {
      const shared = await run({ workers, out: fresh() });
      expect(shared.deterministic).toEqual(deterministic);
      expect(shared.fingerprint).toBe(fingerprint);
      expect(restored(shared)).toBe(CELLS - 2); // one boot for each number of ticks
    }
    const parts = await Promise.all([1, 2, 3].map((index) => run({ workers: 1, shard: { index, count: 3 } })));
    const all = parts.flatMap((part) => part.deterministic).sort((a, b) => a.cell.index - b.cell.index);
    expect(all).toEqual(deterministic);
    expect(parts.map(restored).every((count) => count >= 4)).toBe(true);
    for (const cell of [9, 17]) {
      const { results } = await runScenario(scenario, { cell, workers: 2 });
      expect(results.fingerprint).toBe(deterministic[cell]?.deterministic?.fingerprint);
    }
  });

  it('need not find room for it', async () => {
    for (const snapshotBytes of [100_000, 1_500_000]) {
      const tight = await run({ limits: { snapshotBytes } });
      expect(tight.fingerprint).toBe((await alone).fingerprint);
      expect(restored(tight) === 0).toBe(snapshotBytes < 1_000_000);
    }
  });

  it('go on after an abort', async () => {
    const out = fresh();
    const controller = new AbortController();
    const stopped = run({
      ...{ out, workers: 2, signal: controller.signal },
      onProgress: ({ doneNow }) => doneNow >= 5 && controller.abort(),
    });
    await expect(stopped).rejects.toBeInstanceOf(AbortedError);
    const results = await run({ out, resume: true });
    expect(results.deterministic).toEqual((await alone).deterministic);
  });

  it('survive the death of their thread', async () => {
    process.env.RINGFENCE_TEST_DEATHS = folder;
    try {
      const results = await run({ workers: 2, worker: join(import.meta.dirname, 'faulty-worker.ts') });
      expect(results.fingerprint).toBe((await alone).fingerprint);
      expect(results.wallClock.filter(({ attempts }) => attempts === 2).length).toBe(7);
      expect(restored(results)).toBeGreaterThan(0);
    } finally {
      delete process.env.RINGFENCE_TEST_DEATHS;
    }
  });

  it('do not if boot never ends, or nobody shares it', async () => {
    const never = defineScenario({ ...scenario, boot: { domain: 'e', prints: 'no such text' } });
    expect(restored(await sweep(never, { workers: 2 }))).toBe(0);
    const seeds = defineScenario({
      domains: { a: { guest: 'hello' } },
      boot: { retired: 10 },
      sweep: { grid: { 'host.seed': [1, 2] } },
    });
    expect(restored(await sweep(seeds, { workers: 1 }))).toBe(0);
  });

  it('are saved before and after that, and go on', async () => {
    const expected = (await alone).deterministic[15]?.deterministic?.fingerprint;
    for (const ns of [100_000, 300_000, 500_000]) {
      const file = join(folder, 'cell.save');
      await runScenario(scenario, { cell: 15, save: { ns, file } });
      const { experiment } = await resumeHost(file);
      expect(experiment.results.fingerprint).toBe(expected);
    }
  });

  it('hold during boot what the scenario says, and swept input comes after it', () => {
    const { points } = checkScenario(scenario);
    const heavy = points.find(({ parameters }) => parameters['templates.light.weight'] === 5000)!.scenario;
    expect([heavy.domains[0]?.weight, heavy.boot?.before.domains[0]?.weight]).toEqual([5000, 100]);
    const echo = points.find(({ parameters }) => parameters['domains.e.input'] === 'hello\n')!.scenario;
    expect([echo.domains[2]?.input, echo.boot?.before.domains[2]?.input]).toEqual(['hello\n', '']);
    expect(new Set(planOf(checkScenario(scenario)).cells.map(({ boot }) => boot)).size).toBe(2);
    const some = checkScenario(defineScenario({ ...scenario, boot: { until: '300us', after: ['domains.b.cap'] } }));
    expect(new Set(planOf(some).cells.map(({ boot }) => boot)).size).toBe(18);
  });
});

describe('a scenario that ends boot', () => {
  const file = join(folder, 'wrong.yaml');
  function problems(boot: string, more = ''): string[] {
    const text = `domains:\n  a: { guest: sieve, weight: 3 }\n  b: { guest: hello }\n${more}sweep:\n  grid:\n    domains.a.weight: [1, 2]\n    domains.a.memory: [8MiB, 16MiB]\nboot:\n${boot}`;
    writeFileSync(file, text);
    try {
      checkScenario(file);
      return [];
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      const lines = readFileSync(file, 'utf8').split('\n');
      return error.problems.map(({ line, problem, allowed }) => `${lines[line - 1]?.trim()} | ${problem} | ${allowed}`);
    }
  }

  it.each([
    ['  until: 5ms\n', ''],
    ['  domain: a\n  prints: ready\n  after: [domains.a.weight]\n', ''],
    ['  domain: a\n  retired: 3M\n', ''],
  ])('may say %j', (boot, more) => {
    expect(problems(boot, more)).toEqual([]);
  });

  it.each([
    [
      '  until: 5ms\n  after: [domains.a.memory]\n',
      /^after: .*'domains.a.memory' is laid out when a host starts.*limits.time, /,
    ],
    ['  until: 5ms\n  after: [domains.a.wait]\n', /'domains.a.wait' is not swept.*domains.a.weight, domains.a.memory/],
    ['  until: 5ms\n  retired: 3M\n', /^boot: \| boot: ends twice: until and retired/],
    ['  domain: a\n', /does not say when it ends \| one of until, prints, retired/],
    ['  retired: 3M\n', /does not say whose boot it is \| domain: one of a, b/],
    ['  domain: c\n  retired: 3M\n', /^domain: c \| boot.domain: no domain 'c'.* \| a, b/],
    ['  domain: a\n  prints: ""\n', /^prints: "" \| .*is empty/],
    ['  until: 5ms\n  domain: a\n', /^domain: a \| .*no meaning with until/],
    ['  until: 20s\n', /limits.time: is over before boot is \| more than boot.until, 20s/],
    ['  until: 5\n', /^until: 5 \| boot.until: 5 is not a time/],
    ['  util: 5ms\n', /^util: 5ms \| boot: unknown key 'util', did you mean 'until'/],
  ])('may not say %j', (boot, expected) => {
    const found = problems(boot);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]).toMatch(expected);
  });
});

describe('the snapshots of a batch', () => {
  const snapshot = (size: number) => ({ state: {} as never, pieces: [], bytes: new SharedArrayBuffer(size) });
  const MIB = 1024 ** 2;

  it('are made once, and the one that was not used for longest makes room', async () => {
    const all = new Snapshots(3 * MIB);
    expect(await all.begin('a')).toEqual({ make: true });
    expect(all.isBeingMade('a')).toBe(true);
    const waiting = all.begin('a');
    const a = snapshot(MIB);
    all.end('a', a);
    expect(await waiting).toEqual({ snapshot: a, make: false });
    expect(all.isBeingMade('a')).toBe(false);
    await all.begin('b');
    all.end('b', snapshot(MIB));
    expect((await all.begin('a')).snapshot).toBe(a);
    await all.begin('c');
    all.end('c', snapshot(MIB));
    expect(await all.begin('b')).toEqual({ make: true });
    expect((await all.begin('a')).snapshot).toBe(a);
    all.end('b', undefined);
    expect(await all.begin('b')).toEqual({ make: false });
    await all.begin('d');
    all.end('d', snapshot(4 * MIB));
    expect(await all.begin('d')).toEqual({ make: false });
  });
});
