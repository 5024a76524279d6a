import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { compareBatches } from '../../src/experiment/compare.js';
import { holm, mannWhitney, median, medianInterval, ratioOf, signedRank } from '../../src/experiment/statistics.js';
import { Workspace } from '../cli/console.js';
import { makeBatch, makeRecords, REPEATS, writeBatch } from './batch.js';

const work = new Workspace();
afterAll(() => work.remove());

/** Every way to choose `n` of the first `total` numbers. */
function* choices(total: number, n: number, from = 0): Generator<number[]> {
  if (n === 0) yield [];
  else for (let i = from; i <= total - n; i++) for (const rest of choices(total, n - 1, i + 1)) yield [i, ...rest];
}

describe('statistics', () => {
  it('give the exact U test that counting all arrangements gives', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 2, maxLength: 9 }),
        fc.nat(),
        (values, where) => {
          const n = 1 + (where % (values.length - 1));
          const [a, b] = [values.slice(0, n), values.slice(n)];
          const count = (x: number[], y: number[]): number =>
            x.reduce((sum, left) => sum + y.filter((right) => left > right).length, 0);
          const middle = (a.length * b.length) / 2;
          const far = Math.abs(count(a, b) - middle);
          let [ways, extreme] = [0, 0];
          for (const chosen of choices(values.length, n)) {
            const ranks = [...values.keys()];
            const u = count(
              chosen,
              ranks.filter((rank) => !chosen.includes(rank)),
            );
            ways++;
            if (Math.abs(u - middle) >= far) extreme++;
          }
          const test = mannWhitney(a, b);
          expect(test?.u).toBe(count(a, b));
          expect(test?.exact).toBe(true);
          expect(test?.p).toBeCloseTo(Math.min(1, extreme / ways), 10);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('give the approximate U test of a worked example with ties', () => {
    // By hand: b = 3 loses to 4, 5 and half of 3, 3, 3; b = 4 twice to 5 and half of 4; b = 5 twice to half of 5.
    const test = mannWhitney([1, 2, 2, 3, 3, 3, 4, 5], [3, 4, 4, 5, 5, 6, 6, 7]);
    expect(test?.u).toBe(7.5);
    expect(test?.exact).toBe(false);
    const sizes = [1, 2, 4, 3, 3, 2, 1];
    const ties = sizes.reduce((sum, size) => sum + size ** 3 - size, 0);
    const sigma = Math.sqrt((64 / 12) * (17 - ties / (16 * 15)));
    const z = (32 - 7.5 - 0.5) / sigma;
    // Normal tail by numerical integration.
    let tail = 0;
    for (let x = z; x < z + 10; x += 1e-4) tail += Math.exp((-x * x) / 2) * 1e-4;
    expect(test?.p).toBeCloseTo((2 * tail) / Math.sqrt(2 * Math.PI), 4);
  });

  it('give the exact signed-rank test that counting all signs gives', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 10 }),
        fc.nat(1023),
        (sizes, signs) => {
          const order = [...sizes].sort((x, y) => x - y);
          const sum = (chosen: number): number =>
            sizes.reduce((total, size, bit) => total + ((chosen >> bit) & 1) * (order.indexOf(size) + 1), 0);
          const middle = (sizes.length * (sizes.length + 1)) / 4;
          const all = [...Array(2 ** sizes.length).keys()].map((chosen) => Math.abs(sum(chosen) - middle));
          const extreme = all.filter((distance) => distance >= Math.abs(sum(signs) - middle)).length;
          const { p, exact } = signedRank(sizes.map((size, bit) => ((signs >> bit) & 1 ? size : -size)));
          expect(exact).toBe(true);
          expect(p).toBeCloseTo(Math.min(1, extreme / all.length), 10);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('have intervals of just the factors that the test does not refuse, and none where it refuses nothing', () => {
    const times = fc.uniqueArray(fc.integer({ min: 100, max: 999 }), { minLength: 2, maxLength: 9 });
    fc.assert(
      fc.property(times, times, (a, b) => {
        const { ratio, low, high } = ratioOf(a, b)!;
        const ratios = a.flatMap((x) => b.map((y) => y / x)).sort((x, y) => x - y);
        const [below, above] = [ratios[(ratios.length - 1) >> 1]!, ratios[ratios.length >> 1]!];
        expect(ratio).toBeCloseTo(Math.sqrt(below * above), 9);
        const refuses = (factor: number): boolean =>
          mannWhitney(
            a.map((x) => x * factor),
            b,
          )!.p <= 0.05;
        const everything = !refuses(1e-3) && !refuses(1e3);
        expect(low === undefined).toBe(everything);
        if (low === undefined || high === undefined) return;
        expect([refuses(low * (1 - 1e-9)), refuses(high * (1 + 1e-9))]).toEqual([true, true]);
        expect([refuses(low * (1 + 1e-9)), refuses(high * (1 - 1e-9))]).toEqual([false, false]);
      }),
      { numRuns: 200 },
    );
  });

  it('have intervals of the median that miss it in at most 5 % of all cases, and no shorter ones that do', () => {
    for (let n = 1; n <= 40; n++) {
      // The k-th smallest to the k-th largest miss the median when fewer than k of n samples fall on one side of it.
      const choose = (k: number): number => (k === 0 ? 1 : (choose(k - 1) * (n - k + 1)) / k);
      const miss = (k: number): number => (2 * [...Array(k).keys()].reduce((sum, i) => sum + choose(i), 0)) / 2 ** n;
      const interval = medianInterval([...Array(n).keys()].reverse());
      expect(interval === undefined, `${n} samples`).toBe(miss(1) > 0.05);
      if (interval === undefined) continue;
      const k = interval.low + 1;
      expect(interval.high).toBe(n - k);
      expect([miss(k) <= 0.05, miss(k + 1) <= 0.05]).toEqual([true, false]);
    }
    const many = medianInterval([...Array(4001).keys()])!;
    expect(many.low + many.high).toBe(4000);
    expect((many.high - many.low) / 2 / Math.sqrt(4001 / 4)).toBeCloseTo(1.96, 1);
  });

  it('do not see a difference where there is none, and see one where there is', () => {
    const same = [5, 5, 5, 5];
    expect(mannWhitney(same, same)?.p).toBe(1);
    const a = Array.from({ length: 40 }, (_, i) => 100 + ((i * 37) % 11));
    const { ratio, low, high } = ratioOf(
      a,
      a.map((value) => value * 1.5),
    )!;
    expect(ratio).toBeCloseTo(1.5, 10);
    expect(low).toBeGreaterThan(1.4);
    expect(high).toBeLessThan(1.6);
    expect(signedRank([0, 0])).toEqual({ p: 1, exact: true });
    expect(median([3, 1, 2, 10])).toBe(2.5);
    expect(holm([0.01, 0.04, 0.03])).toEqual([0.03, 0.06, 0.06]);
  });
});

describe('ringfence compare', () => {
  const before = makeBatch();

  it('finds nothing between a batch and a slower one, but sees that it is slower', async () => {
    const slower = makeBatch(makeRecords(1.3));
    const comparison = compareBatches(before, slower);
    expect(comparison.equal).toBe(true);
    const all = comparison.wallClock.find(({ point, column }) => point === '' && column === 'run_ms');
    expect(all).toMatchObject({ test: 'signed-rank', samplesA: 40, samplesB: 40 });
    expect(all?.ratio).toBeCloseTo(1.3, 2);
    expect(all?.interval?.low).toBeGreaterThan(1.29); // in pairs: that cells differ by themselves widens nothing
    expect(all?.interval?.high).toBeLessThan(1.31);
    const point = comparison.wallClock.filter(({ column, point: own }) => column === 'run_ms' && own !== '');
    expect(point).toHaveLength(8);
    for (const row of point) {
      expect(row.samplesA).toBe(REPEATS);
      expect(row.test).toBe('mann-whitney');
      expect(row.p).toBeCloseTo(2 / 252, 10); // 5 against 5, all slower: the most extreme of C(10, 5) arrangements
      expect(row.adjusted).toBeGreaterThan(row.p);
    }
    const [a, b] = [writeBatch(work.path('a'), before), writeBatch(work.path('b'), slower)];
    const spoken = await work.run(['compare', a, b]);
    expect(spoken.code).toBe(0);
    expect(spoken.out).toContain('deterministic results of 40 cells: equal');
  });

  it('names every cell, domain and column that differs, and exits with 1', async () => {
    const after = makeBatch(
      makeRecords(1, (record) => {
        if (record.cell.index === 7 && record.deterministic !== undefined) {
          const domains = record.deterministic.domains.map((row, position) =>
            position === 1 ? { ...row, tlb_misses: Number(row.tlb_misses) + 1, exits_cpuid: 1 } : row,
          );
          return { ...record, deterministic: { ...record.deterministic, domains } };
        }
        if (record.cell.index === 9) {
          const claim = { domain: 'sieve', claim: 'outcome', expected: 'poweroff', found: 'crash' };
          return { ...record, status: 'claim-failed', claims: [claim] };
        }
        return record;
      }).slice(0, -1),
    );
    const { differences, cells } = compareBatches(before, after);
    expect(cells).toBe(39);
    expect(differences.map(({ cell, domain, column }) => [cell, domain, column])).toEqual([
      [7, 'quicksort', 'tlb_misses'],
      [7, 'quicksort', 'exits_cpuid'],
      [9, '', 'status'],
      [9, '', 'claims'],
      [39, '', 'cell'],
    ]);
    const [a, b] = [writeBatch(work.path('c'), before), writeBatch(work.path('d'), after)];
    const nothing = makeBatch(
      makeRecords(1, ({ deterministic: _1, wallClock: _2, ...record }) => ({ ...record, status: 'timeout' })),
    );
    const lost = writeBatch(work.path('lost'), nothing);
    expect((await work.run(['compare', lost, lost])).out).toContain('of them, ended in neither: 40\n');
    const other = {
      ...before,
      parameters: [],
      deterministic: before.deterministic.map((each) => ({ ...each, cell: { ...each.cell, parameters: {} } })),
    };
    const apart = await work.run(['compare', a, writeBatch(work.path('apart'), other)]);
    expect([apart.code, apart.out]).toEqual([
      1,
      expect.stringContaining('no cell is in both; A sweeps memory, page, B nothing\n'),
    ]);
    const text = await work.run(['compare', a, b]);
    expect(text.code).toBe(1);
    expect(text.out).toContain('5 differences');
    const json = await work.run(['compare', a, b, '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ equal: false, cells: 39 });
    expect((await work.run(['compare', a, work.path('nowhere')])).code).toBe(2);
  });
});
