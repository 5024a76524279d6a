import { describe, expect, it } from 'vitest';
import { MarkerReader } from '../../bench/peers/markers.js';
import { rowsOf, table } from '../../bench/report.js';
import { geometricMean, median, spread } from '../../bench/statistics.js';

describe('statistics', () => {
  it('takes the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('takes geometric means', () => {
    expect(geometricMean([1, 4, 16])).toBeCloseTo(4);
    expect(geometricMean([0.5, 2])).toBeCloseTo(1);
  });

  it('measures how far rounds lie apart', () => {
    expect(spread([10, 10, 10])).toBe(0);
    expect(spread([8, 9, 10, 11, 12])).toBeCloseTo(10);
    expect(spread([7])).toBe(0);
  });
});

describe('rows', () => {
  it('compare with the baseline, wherever it stands', () => {
    const rows = rowsOf('b', 'ns', [
      { subject: 'quick', about: 'q', values: [1, 2, 100], more: { p99: 3 } },
      { subject: 'baseline', about: 'b', values: [4, 4, 5] },
    ]);
    expect(rows).toMatchObject([
      { bench: 'b', subject: 'quick', about: 'q', median: 2, unit: 'ns', ratio: 0.5, rounds: 3, p99: 3 },
      { subject: 'baseline', median: 4, ratio: 1 },
    ]);
    expect(table(rows)).toContain('0.50');
  });

  it('have no ratio without a baseline', () => {
    expect(rowsOf('b', 'ns', [{ subject: 'alone', about: '', values: [1] }])[0]!.ratio).toBeNull();
  });
});

describe('MarkerReader', () => {
  /** A clock that advances by 1 ms of wall and 0.5 ms of CPU time whenever it is read. */
  function reader(): MarkerReader {
    let n = 0;
    return new MarkerReader(() => ({ wallMs: ++n, cpuMs: n / 2 }));
  }
  const feed = (to: MarkerReader, text: string): void => {
    for (const byte of Buffer.from(text)) to.feed(byte);
  };

  it('pairs names and checksums, whatever lies between', () => {
    const to = reader();
    feed(to, 'SeaBIOS\r\n=ignored\n@one\r\n# remark\nnoise\n=00000001\r\n# operations=500\n@two\n=0000000f\n');
    expect(to.marks).toEqual([
      { name: 'one', checksum: '00000001', wallMs: 1, cpuMs: 0.5 },
      { name: 'two', checksum: '0000000f', wallMs: 1, cpuMs: 0.5, operations: 500 },
    ]);
    expect(to.done).toBe(false);
    feed(to, '@done\n');
    expect(to.done).toBe(true);
  });

  it('prefers the times that a native program took itself', () => {
    const to = reader();
    feed(to, '@one\n# times=2000000,1500000\n=1\n@two\n=2\n');
    expect(to.marks).toMatchObject([
      { wallMs: 2, cpuMs: 1.5 },
      { wallMs: 1, cpuMs: 0.5 },
    ]);
  });

  it('sees a panic', () => {
    const to = reader();
    feed(to, '@one\n# panic: out of memory\n');
    expect(to).toMatchObject({ done: true, panic: 'panic: out of memory', marks: [] });
  });
});
