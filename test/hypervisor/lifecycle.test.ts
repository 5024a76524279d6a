/** A slice of what `npx tsx test/hypervisor/lifecycle-soak.ts` does 10,000 times. */
import { expect, it } from 'vitest';
import { lifecycle } from './lifecycle.js';

it('destroying domains in any state frees what they owned and nothing else', { timeout: 120_000 }, () => {
  expect(lifecycle(100, 7).revoked).toBeGreaterThan(20);
});
