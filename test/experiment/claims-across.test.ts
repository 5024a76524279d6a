/** Claims about many cells at once: their mistakes, their groups, and what they find. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { CellRecord, ParameterColumn } from '../../src/experiment/cell.js';
import { failedAcross } from '../../src/experiment/claims-across.js';
import { parsePlan } from '../../src/experiment/plan.js';
import { mergeBatches } from '../../src/experiment/shard.js';
import { defineScenario, ScenarioError, sweep } from '../../src/index.js';
import { context } from './catalogue.js';

const COLUMNS: readonly ParameterColumn[] = [
  { name: 'mode', path: 'domains.a.cmdline', type: 'text' },
  { name: 'size', path: 'domains.a.memory', type: 'number', unit: 'bytes' },
];

/** none, xts × 1, 2: two repeats each; xts costs three times as much, and four times with the larger size. */
function records(): CellRecord[] {
  const found: CellRecord[] = [];
  for (const mode of ['none', 'xts']) {
    for (const size of [1, 2]) {
      for (const repeat of [0, 1]) {
        const cycles = 100 * size * (mode === 'none' ? 1 : size + 2);
        const domains = ['victim', 'crowd-0', 'crowd-1'].map((name, index) => ({ name, retired: 10 + index, cycles }));
        found.push({
          cell: { index: found.length, id: `${found.length}`, parameters: { mode, size }, repeat, seed: 7 + repeat },
          status: 'ok',
          deterministic: { fingerprint: `${mode}${size}`, domains, host: { cycles: cycles + repeat } },
          claims: [],
          reproducer: '',
          attempts: 1,
        });
      }
    }
  }
  return found;
}

const judge = (that: string, more: { when?: string; by?: string[] } = {}, all = records()) =>
  failedAcross([{ claim: 'c', that, ...more }], COLUMNS, all);

describe('a claim across cells', () => {
  it.each([
    ["mean(host.cycles, param('mode') == 'xts') >= 2 * mean(host.cycles, param('mode') == 'none')", {}],
    ["min(host.cycles, param('mode') == 'xts') == 300", {}],
    ["count(param('mode') == 'xts') == 4 and count(cell.repeat == 1) == 4", {}],
    ['distinct(cell.fingerprint) == 1', { by: ['mode', 'size'] }],
    ['distinct(cell.seed) == 2 and distinct(domains.victim.cycles) == 1', { by: ['mode', 'size'] }],
    ['max(sum(retired)) == 33 and all(all(retired > 10, "crowd-*"))', {}],
    ["param('mode') == 'none' or min(domains.victim.cycles) > 250", { by: ['mode'] }],
    ['distinct(host.cycles) == 2', { by: ['size'], when: "param('mode') == 'none'" }],
    ["all(cell.status == 'ok')", {}],
  ])('that holds: %s', (that, more) => expect(judge(that, more)).toEqual([]));

  it('that does not hold is told with its group and the values of its functions', () => {
    expect(judge('max(host.cycles) < 350', { by: ['mode', 'size'] })).toEqual([
      {
        claim: 'c',
        group: { mode: 'xts', size: 2 },
        expected: 'max(host.cycles) < 350',
        found: 'max(host.cycles) = 801',
      },
    ]);
  });

  it('about no cell does not hold', () => {
    const [failure] = judge("mean(host.cycles, param('mode') == 'ctr') >= 1");
    expect(failure?.found).toBe("mean(host.cycles, param('mode') == 'ctr') = nothing");
    expect(judge("all(cell.status == 'ok')", { when: "param('mode') == 'ctr'" })).toHaveLength(1);
  });

  it('sees cells that did not end: they satisfy nothing, and have a status', () => {
    const [first, ...rest] = records();
    const { deterministic: _, ...broken } = first!;
    const all: CellRecord[] = [{ ...broken, status: 'crashed' }, ...rest];
    expect(judge('all(host.cycles > 0)', {}, all)).toHaveLength(1);
    expect(judge("count(cell.status == 'crashed') == 1 and mean(host.cycles) > 0", {}, all)).toEqual([]);
  });
});

const swept = `domains:
  a: {guest: sieve}
  b: {guest: sieve}
sweep: {grid: {domains.a.memory: {as: size, values: [4MiB, 8MiB]}}}
across:
`;

function problems(text: string): string[] {
  try {
    parsePlan('s.yaml', text, [], context);
    return [];
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    return error.message.split('\n');
  }
}

describe('mistakes in claims across cells are told before anything runs', () => {
  it.each([
    [
      '{claim: c, that: "domains.a.retired > 1"}',
      /^s\.yaml:6:22: across\.0\.that: character 1: 'domains\.a\.retired' has a value in every cell; allowed: inside of all, any/,
    ],
    [
      '{claim: c, that: "mean(domains.a.retird) > 1"}',
      /character 6: there is no 'domains\.a\.retird', did you mean 'retired'/,
    ],
    [
      '{claim: c, that: "param(\'size\') > 1"}',
      /param\('size'\) differs between the cells of a group; allowed: .*in by:/,
    ],
    ['{claim: c, by: [size], that: "param(\'sise\') > 1"}', /the sweep has no parameter 'sise', did you mean 'size'/],
    [
      '{claim: c, by: [sise], that: "any(host.cycles > 1)"}',
      /^s\.yaml:6:21: across\.0\.by\.0: the sweep has no parameter 'sise', did you mean 'size'\?; allowed: size/,
    ],
    ['{claim: c, that: "mean(host.cycles, 3) > 1"}', /a number selects cells in mean; allowed: a condition/],
    ['{claim: c, that: "mean(host.cycles)"}', /is a number; allowed: a condition/],
    ['{claim: c, that: "any(cell.state == \'ok\')"}', /there is no 'cell\.state'.*allowed: cell\.status/],
    [
      '{claim: c, when: "param(\'size\') == 5MiB", that: "any(host.cycles > 1)"}',
      /^s\.yaml:6:22: across\.0\.when: holds in no cell; allowed: a condition that a cell of the sweep satisfies/,
    ],
    ['{claim: c, thot: x, that: "any(host.cycles > 1)"}', /unknown key 'thot', did you mean 'that'/],
  ])('%s', (claim, message) => {
    const told = problems(`${swept}  - ${claim}\n`);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(message);
  });

  it('also a pattern that selects nobody, of which every sum would be 0', () => {
    const about = (that: string): string =>
      `${that.includes('mean(sum') ? 'across' : 'expect'}: [{claim: c, that: "${that}"}]\n`;
    const base =
      'domains: {crowd: {guest: sieve, count: 2}, b: {guest: hello}}\nsweep: {grid: {domains.crowd.count: [1, 3]}}\n';
    const told = (that: string): string[] => problems(`${base}${about(that)}`);
    for (const that of [
      "sum(exits, 'crwd-*') == 0",
      "not any(exits > 9, 'crowd_*')",
      "mean(sum(exits, 'nobody')) == 0",
    ]) {
      expect(told(that)).toEqual([
        expect.stringMatching(/: no domain is called so; allowed: crowd-0, b, crowd-1, crowd-2$/),
      ]);
    }
    // In some cells, of a domain that another one makes, with a star in front.
    for (const that of [
      "sum(exits, 'crowd-*') >= 0",
      "sum(exits, 'b/fork-*') == 0",
      "sum(exits, '*-7') == 0",
      "sum(exits, 'c*') > 0",
    ])
      expect(told(that)).toEqual([]);
  });

  it('also a when: of a claim about single cells that can never be', () => {
    const text = swept.replace(
      'across:\n',
      'expect:\n  - {claim: c, when: "param(\'size\') == 5MiB", that: "host.cycles > 1"}\n',
    );
    expect(problems(text)).toEqual([expect.stringMatching(/^s\.yaml:6:22: expect\.0\.when: holds in no cell/)]);
  });

  it('and claims without a sweep', () => {
    expect(problems('domains: {a: {guest: sieve}}\nacross: [{claim: c, that: "any(host.cycles > 1)"}]\n')).toEqual([
      expect.stringMatching(/^s\.yaml:2:1: across: there is one cell only; allowed: a scenario with sweep:/),
    ]);
  });
});

describe('a batch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-across-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const scenario = defineScenario({
    host: { pcpus: 1 },
    domains: { a: { guest: 'sieve', memory: '4MiB' } },
    sweep: { grid: { 'domains.a.cmdline': { as: 'n', values: ['n=1000', 'n=20000'] } } },
    repeat: 2,
    across: [
      { claim: 'the seed changes no checksum', by: ['n'], that: 'distinct(checksums) == 1' },
      {
        claim: 'more numbers cost nothing',
        that: "mean(retired, param('n') == 'n=20000') == mean(retired, param('n') == 'n=1000')",
      },
    ],
  });

  it('fails when one fails, judges when all cells are there, and is judged the same when shards are merged', async () => {
    const whole = await sweep(scenario, { workers: 1, out: join(folder, 'whole') });
    expect(whole.passed).toBe(false);
    expect(whole.counts.ok).toBe(4);
    expect(whole.across.map(({ claim }) => claim)).toEqual(['more numbers cost nothing']);
    expect(whole.across[0]?.found).toMatch(/^mean\(retired, param\('n'\) == 'n=20000'\) = \d+, mean\(/);
    const parts = [1, 2].map((index) => join(folder, `part-${index}`));
    for (const [index, out] of parts.entries()) {
      const part = await sweep(scenario, { workers: 1, out, shard: { index: index + 1, count: 2 } });
      expect([part.passed, part.across]).toEqual([true, []]);
    }
    const merged = await mergeBatches(parts, join(folder, 'merged'));
    expect([merged.passed, merged.across, merged.fingerprint]).toEqual([false, whole.across, whole.fingerprint]);
    expect(JSON.parse(readFileSync(join(folder, 'merged/results.json'), 'utf8')).across).toEqual(whole.across);
  });
});
