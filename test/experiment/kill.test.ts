import { expect, it } from 'vitest';
import { killAndResume } from './kill.js';

it('a batch whose runner is killed at random moments ends as if nothing had happened (3 kills; kill.ts does more)', async () => {
  let state = 12345;
  const random = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
  const outcome = await killAndResume(3, 10, random);
  expect(outcome).toMatchObject({ same: true, once: true, exitCode: 0, cells: 260 });
  expect(outcome.kills).toBeGreaterThanOrEqual(2);
  expect(outcome.kept.at(-1)).toBeGreaterThan(0);
  for (const [index, kept] of outcome.kept.entries()) expect(kept).toBeGreaterThanOrEqual(outcome.kept[index - 1] ?? 0);
}, 120_000);
