/**
 * Random grant and event-channel operations by several domains, destruction included, against the plain model of
 * exchange-model.ts. A slice of what `npx tsx test/hypervisor/exchange-soak.ts` does at length.
 */
import { describe, it } from 'vitest';
import { Bench, draw, numbers } from './exchange-model.js';

const RUNS = Number(process.env.RINGFENCE_MODEL_RUNS ?? 300);

describe('grants and event channels', () => {
  it('follow the plain model, and leave nothing behind', { timeout: 300_000 }, () => {
    const bench = new Bench();
    for (let n = 0; n < RUNS; n++) {
      const random = numbers(n + 1);
      bench.run(draw(random, 20 + random(130)));
    }
  });
});
