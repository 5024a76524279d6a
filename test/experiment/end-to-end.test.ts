/** Scenario files, shipped guests and the real machine together. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCatalogue } from '../../src/experiment/guests.js';
import { machine } from '../../src/experiment/machine.js';
import { loadScenario } from '../../src/experiment/plan.js';
import { type Experiment, runExperiment } from '../../src/experiment/run.js';

const real = machine();
const context = { catalogue: readCatalogue('guests'), ...real };
const folder = mkdtempSync(join(tmpdir(), 'ringfence-e2e-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function run(file: string, sets: readonly string[] = [], workers = 2): Promise<Experiment> {
  return await runExperiment(loadScenario(file, sets, context), real, { workers, versions: {} });
}

const small = write(
  'small.yaml',
  `host: { pcpus: 3, quantum: 200us, slice: 100us }
domains:
  hello: { guest: hello, cmdline: n=3, expect: &native { outcome: poweroff, checksum: native } }
  sieve: { guest: sieve, cmdline: n=1000, expect: *native }
  quicksort: { guest: quicksort, cmdline: n=1000 seed=7, translation: { page: 2m }, expect: *native }
  rings: { guest: rings, cmdline: procs=3 n=5000, expect: *native }
  timer: { guest: timer, cmdline: ticks=20, expect: *native }
  direct: { guest: pchase, cmdline: kb=64 steps=100000, translation: { kind: direct }, expect: *native }
  spin: { guest: hostile-spin, max-instructions: 300k, expect: { outcome: limit } }
  crash: { guest: hostile-triple-fault, expect: { outcome: triple-fault } }
`,
);

describe('a run', () => {
  it('keeps every claim and gives the same results for 1, 2 and 4 workers, and again', async () => {
    const first = await run(small, [], 1);
    expect(first.results.failedClaims).toEqual([]);
    expect(first.results.deterministic.zeroSum).toBe(true);
    for (const workers of [1, 2, 4]) {
      const again = await run(small, [], workers);
      expect(again.results.deterministic).toEqual(first.results.deterministic);
      expect(again.results.fingerprint).toBe(first.results.fingerprint);
      expect(again.consoles).toEqual(first.consoles);
    }
  });

  it('has another fingerprint for another seed, and for another byte of a guest', async () => {
    const bytes = readFileSync('guests/images/hello.elf');
    const text = bytes.indexOf('Hello from');
    const changed = Buffer.from(bytes);
    changed[text] = 'J'.charCodeAt(0);
    const fingerprints: string[] = [];
    for (const image of [bytes, bytes, changed]) {
      write('guest.elf', image);
      fingerprints.push((await run(write('byte.yaml', 'domains: [{guest: ./guest.elf}]\n'))).results.fingerprint);
    }
    fingerprints.push((await run(join(folder, 'byte.yaml'), ['host.seed=2'])).results.fingerprint);
    expect(fingerprints[0]).toBe(fingerprints[1]);
    expect(new Set(fingerprints).size).toBe(3);
  });

  it.each([
    ['truncated', (image: Buffer) => image.subarray(0, 1000)],
    ['64-bit', (image: Buffer) => Buffer.concat([image.subarray(0, 4), Buffer.from([2]), image.subarray(5)])],
    ['no ELF', () => Buffer.from('#!/bin/sh\n')],
    ['empty', () => Buffer.alloc(0)],
  ])('is refused for an image that is %s, with the line of the scenario', (name, damage) => {
    write('bad.elf', damage(readFileSync('guests/images/hello.elf')));
    const file = write('bad.yaml', 'title: Bad\ndomains:\n  - guest: bad.elf\n');
    expect(() => loadScenario(file, [], context), name).toThrow(
      /bad\.yaml:3:12: domains\.0\.guest: 'bad\.elf': .+; allowed: an ELF32/,
    );
  });

  it('is refused when it would not fit into the flat memory, before anything is started', () => {
    const file = write('large.yaml', 'domains:\n  a: {guest: hello, memory: 1GiB, count: 4}\n');
    expect(() => loadScenario(file, [], context)).toThrow(
      /large\.yaml:1:1: domains: the host would need \d+ MiB with its tables; allowed: at most 4096 MiB/,
    );
    const input = write('input.yaml', `domains:\n  a: {guest: echo, input: ${'x'.repeat(5000)}}\n`);
    expect(() => loadScenario(input, [], context)).toThrow(
      /input\.yaml:2:27: domains\.a\.input: 5000 characters are too many/,
    );
  });
});

describe('hostile guests', () => {
  it('change nothing of what their neighbours do', async () => {
    const text = readFileSync('scenarios/hostile.yaml', 'utf8');
    const neighbours = text.split('\n').filter((line) => !/^ {2}(hostile-|# )/.test(line));
    const alone = await run(write('alone.yaml', neighbours.join('\n')));
    const together = await run('scenarios/hostile.yaml');
    const domains = alone.results.deterministic.domains;
    expect(domains.length).toBeGreaterThanOrEqual(8);
    // How long it waited for its turn is what neighbours may change.
    const results = (all: typeof domains) => all.slice(0, domains.length).map(({ scheduling: _, ...rest }) => rest);
    expect(results(together.results.deterministic.domains)).toEqual(results(domains));
    for (const { name } of domains) expect(together.consoles.get(name)).toEqual(alone.consoles.get(name));
    expect(together.results.failedClaims).toEqual([]);
    expect(together.results.deterministic.zeroSum).toBe(true);
    for (const domain of together.results.deterministic.domains) {
      expect(domain.outcome.kind).not.toBe('platform-error');
      expect(domain.retired).toBeGreaterThan(0);
    }
  });
});
