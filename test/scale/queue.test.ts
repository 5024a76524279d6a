/** The queue on a real redis-server, on a free port of the loopback. Without redis-server these tests are skipped. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runBatch } from '../../src/experiment/batch.js';
import { batchId, collectBatch, submitBatch, work } from '../../src/experiment/queue.js';
import { buildIdentity, checkScenario, planOf, sweep, versions } from '../../src/index.js';
import { freePort, hasRedis, Server, sleep } from './redis.js';
import { CELLS, Folder, start } from './sweep.js';

// Many processes, each of which compiles the machine: slow on a busy computer.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

describe.skipIf(!hasRedis)('the queue (needs redis-server)', () => {
  const folder = new Folder();
  const identity = buildIdentity();
  const plan = planOf(checkScenario(folder.scenario));
  const batch = batchId({ ...identity, plan: plan.resolved.plan });
  const options = { identity, versions: versions(), reproducer: () => 'ringfence run sweep.yaml' };
  let server: Server;
  let expected = '';

  beforeAll(async () => {
    server = new Server(await freePort(), folder.at('redis'));
    await server.start();
    // Every cell boots by itself; the queue's workers share boots.
    expected = (await sweep(folder.scenario, { workers: 2, limits: { snapshotBytes: 0 } })).fingerprint;
  });
  afterAll(async () => {
    await server.kill();
    folder.remove();
  });

  async function flush(): Promise<void> {
    const client = new Redis(server.url);
    await client.flushall();
    client.disconnect();
  }

  async function records(): Promise<number> {
    const { stdout } = spawnSync('redis-cli', ['-p', `${server.port}`, 'hlen', `rf:${batch}:records`], {
      encoding: 'utf8',
    });
    return Number(stdout);
  }

  async function until(count: number): Promise<void> {
    for (let attempt = 0; attempt < 400 && (await records()) < count; attempt++) await sleep(25);
    expect(await records()).toBeGreaterThanOrEqual(count);
  }

  it('gives the results of one machine, and every cell once, submitted twice over', async () => {
    await submitBatch(server.url, plan, options);
    expect(await submitBatch(server.url, plan, options)).toMatchObject({ batch, cells: CELLS, done: 0, durable: true });
    const early = collectBatch(server.url, { out: folder.at('early'), wait: false });
    await expect(early).rejects.toThrow(`0 of ${CELLS} cells are done`);
    const told: number[] = [];
    const workers = [1, 2].map(() =>
      work(server.url, {
        workers: 1,
        identity,
        drain: true,
        leaseMs: 5000,
        onRecord: ({ cell }) => told.push(cell.index),
      }),
    );
    const kept = await Promise.all(workers);
    expect((kept[0] ?? 0) + (kept[1] ?? 0)).toBe(CELLS);
    expect(told.sort((a, b) => a - b)).toEqual([...Array(CELLS).keys()]);
    const results = await collectBatch(server.url, { out: folder.at('plain'), wait: false, remove: true });
    expect(results.fingerprint).toBe(expected);
    const client = new Redis(server.url);
    expect(await client.dbsize()).toBe(0);
    client.disconnect();
  });

  it('keeps consoles as a batch on one machine does: of all cells, of those whose claims fail, of none', async () => {
    const consoles = (name: string): string[] => {
      const path = join(folder.at(name), 'console');
      if (!existsSync(path)) return [];
      const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      return files
        .map(({ parentPath, name: file }) => join(parentPath, file))
        .map((file) => `${relative(path, file)} ${readFileSync(file, 'latin1')}`)
        .sort();
    };
    const wrong = planOf(
      checkScenario(folder.scenario, { sets: ['domains.chase.expect.checksum=00000000', 'repeat=1'] }),
    );
    for (const policy of ['all', 'failed', 'none'] as const) {
      for (const [name, each] of [
        ['right', plan],
        ['wrong', wrong],
      ] as const) {
        await flush();
        await submitBatch(server.url, each, { ...options, consoles: policy });
        await work(server.url, { workers: 2, identity, drain: true, leaseMs: 5000 });
        await collectBatch(server.url, { out: folder.at(`${name}-${policy}`), wait: false });
        const out = folder.at(`${name}-${policy}-local`);
        await runBatch(each, { workers: 2, out, consoles: policy, identity, versions: versions() });
        expect(consoles(`${name}-${policy}`)).toEqual(consoles(`${name}-${policy}-local`));
        const kept = policy === 'all' || (policy === 'failed' && name === 'wrong') ? each.cells.length : 0;
        expect(consoles(`${name}-${policy}`)).toHaveLength(kept);
      }
    }
  });

  it('survives killed workers and a killed Redis', async () => {
    await flush();
    const queue = ['--queue', server.url];
    const submitted = await start('submit', folder.scenario, ...queue).ended;
    expect([submitted.code, submitted.err]).toEqual([0, '']);
    const argv = ['worker', ...queue, '--workers', '1', '--lease', '1s'];
    const collecting = start('collect', ...queue, '--out', folder.at('survived'), '--wait');
    const victim = start(...argv);
    await until(2);
    victim.child.kill('SIGKILL');
    await victim.ended;
    const survivor = start(...argv, '--drain');
    await until(5);
    await server.kill();
    await sleep(500);
    await server.start();
    const second = start(...argv, '--drain');
    const { code, out, err } = await collecting.ended;
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain(expected);
    for (const each of [survivor, second]) expect(await each.ended).toMatchObject({ code: 0, err: '' });
    // What is done stays done: nothing is run again.
    const again = await start(...argv, '--drain').ended;
    expect(again.out).toBe('0 cells done, 0 of them not ok\n');
  });

  it('hands the cells of an interrupted worker to others at once', async () => {
    await flush();
    await submitBatch(server.url, plan, options);
    const stop = new AbortController();
    const first = work(server.url, {
      ...{ workers: 1, identity, leaseMs: 60_000, signal: stop.signal },
      onRecord: () => stop.abort(),
    });
    const kept = await first;
    expect(kept).toBeLessThan(CELLS);
    const rest = await work(server.url, { workers: 2, identity, drain: true, leaseMs: 60_000 });
    expect(kept + rest).toBe(CELLS);
    const { fingerprint } = await collectBatch(server.url, { out: folder.at('handed'), wait: false });
    expect(fingerprint).toBe(expected);
  });

  it('is not worked on by another version, module or cost table', async () => {
    await flush();
    await submitBatch(server.url, plan, options);
    for (const member of ['ringfence', 'core', 'costTable'] as const) {
      const other = { ...identity, [member]: 'other' };
      const skipped: string[] = [];
      const onSkip = (name: string, why: string): void => void skipped.push(`${name} ${why}`);
      expect(await work(server.url, { workers: 1, identity: other, drain: true, leaseMs: 5000, onSkip })).toBe(0);
      expect(skipped).toEqual([expect.stringMatching(`${batch} was submitted for another`)]);
      const told = work(server.url, { workers: 1, identity: other, drain: true, leaseMs: 5000, batch });
      await expect(told).rejects.toThrow('nothing was run');
    }
    expect(await records()).toBe(0);
  });

  it('does not run an image that is not the one of the plan', async () => {
    await flush();
    await submitBatch(server.url, plan, options);
    const client = new Redis(server.url);
    const [image = ''] = await client.keys(`rf:${batch}:file:*`);
    await client.setrange(image, 4096, 'changed');
    const working = work(server.url, { workers: 1, identity, drain: true, leaseMs: 5000 });
    await expect(working).rejects.toThrow('is damaged in the queue');
    await submitBatch(server.url, plan, options); // repairs it
    expect(await work(server.url, { workers: 2, identity, drain: true, leaseMs: 5000 })).toBe(CELLS);
    // A second, different record of a cell is not swallowed.
    await client.sadd(`rf:${batch}:conflicts`, '3');
    await expect(collectBatch(server.url, { out: folder.at('conflict'), wait: false })).rejects.toThrow(/cells 3/);
    client.disconnect();
  });

  it('tells what is wrong with an address or a name, without a password', async () => {
    const wrong = [
      [['worker', '--queue', 'http://127.0.0.1'], /is not the address of a Redis/],
      [['submit', folder.scenario, '--queue', 'redis://:secret@127.0.0.1:1'], /cannot be reached/],
      [['collect', '--queue', server.url, '--batch', 'none', '--out', folder.at('x')], /has no batch none/],
    ] as const;
    for (const [argv, message] of wrong) {
      const { code, err } = await start(...argv).ended;
      expect(code).toBe(2);
      expect(err).toMatch(message);
      expect(err.trimEnd()).not.toContain('\n');
      expect(err).not.toContain('secret');
    }
  });
});
