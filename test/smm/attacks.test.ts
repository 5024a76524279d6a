/** Attacks by guest code on protected memory: every field of the matrix is a claim of the scenario. */
import { describe, expect, it } from 'vitest';
import { sweep } from '../../src/index.js';

describe('attacks on protected memory', () => {
  it('come out as the scenario claims, for each attack and each mode', { timeout: 600_000 }, async () => {
    const results = await sweep('scenarios/smm-attacks.yaml', { workers: 2 });
    const failed = results.deterministic.flatMap(({ cell, status, claims }) =>
      status === 'ok' ? [] : [{ parameters: cell.parameters, status, claims }],
    );
    expect(failed).toEqual([]);
    expect(results.deterministic).toHaveLength(104);
    expect(results.passed).toBe(true);
  });

  it('a domain runs only if the unit was told', { timeout: 120_000 }, async () => {
    const results = await sweep('scenarios/smm-switch.yaml', { workers: 2 });
    expect(results.deterministic.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(results.passed).toBe(true);
  });
});
