import { describe, expect, it } from 'vitest';
import { describe as describeProgress } from '../../src/cli/progress.js';
import { duration, grouped } from '../../src/cli/table.js';

describe('numbers for people', () => {
  it.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [1000, '1.00 µs'],
    [12_345_678, '12.3 ms'],
    [999_999_999, '1000 ms'],
    [1.5e9, '1.50 s'],
    [119e9, '119 s'],
    [250e9, '4 min 10 s'],
  ])('%d ns is %s', (ns, text) => expect(duration(ns)).toBe(text));

  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1234567.4, '1,234,567'],
  ])('%d is %s', (number, text) => expect(grouped(number)).toBe(text));

  it('a progress line tells time, domains, speed and the latest end', () => {
    const progress = { quantum: 10, cycles: 2e9, retired: 1e9, domainsEnded: 3, domainsTotal: 8 };
    expect(describeProgress(progress, 4000, 1e9, 10e9)).toBe(
      '2.00 s of virtual time · 3 of 8 domains done · 250 MIPS · 4.00 s elapsed · at most 16.0 s left',
    );
  });
});
