import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, oneLine, suggest } from '../../src/experiment/problem.js';
import { COUNT, FREQUENCY, formatQuantity, MEMORY, parseQuantity, TIME } from '../../src/experiment/units.js';

describe('quantities', () => {
  it.each([
    [MEMORY, '4MiB', 4194304],
    [MEMORY, '1.5GiB', 1610612736],
    [MEMORY, 4096, 4096],
    [MEMORY, '512 KiB', 524288],
    [MEMORY, '4M', undefined],
    [MEMORY, '4mib', undefined],
    [MEMORY, '0.3B', undefined],
    [MEMORY, '', undefined],
    [MEMORY, null, undefined],
    [TIME, '10ms', 1e7],
    [TIME, '0.3us', 300],
    [TIME, '2min', 120e9],
    [TIME, 10, undefined],
    [TIME, '-1ms', undefined],
    [FREQUENCY, '2.4GHz', 2.4e9],
    [FREQUENCY, 1000000, 1e6],
    [COUNT, '20M', 2e7],
    [COUNT, '1.1G', 1.1e9],
    [COUNT, '1e3', undefined],
    [COUNT, '99999999999999999999', undefined],
    [COUNT, 'constructor', undefined],
  ] as const)('%s %s is %s', (unit, text, value) => {
    expect(parseQuantity(unit, text)).toBe(value);
  });

  it('are read as they are written', () => {
    const units = fc.constantFrom(MEMORY, TIME, FREQUENCY, COUNT);
    fc.assert(
      fc.property(units, fc.nat(), (unit, base) => {
        expect(parseQuantity(unit, formatQuantity(unit, base))).toBe(base);
      }),
    );
  });
});

describe('suggestions', () => {
  it.each([
    ['memry', 'memory', 1],
    ['mmeory', 'memory', 1],
    ['', 'abc', 3],
    ['same', 'same', 0],
    ['kitten', 'sitting', 3],
  ])('%s is %s at distance %i from it', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });

  it('are made only for what is near', () => {
    expect(suggest('memry', ['guest', 'memory'])).toBe(", did you mean 'memory'?");
    expect(suggest('GUEST', ['guest', 'memory'])).toBe(", did you mean 'guest'?");
    expect(suggest('colour', ['guest', 'memory'])).toBe('');
  });

  it('messages stay on one line and do not reach the terminal', () => {
    expect(oneLine('a\nb\u001b[31mc\u009bd\u2028e')).toBe('a b [31mc d e');
  });
});
