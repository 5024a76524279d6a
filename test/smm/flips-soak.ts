/** 100,000 flipped bits: `npx tsx test/smm/flips-soak.ts [flips [seed]]`. Not part of the tests. */
import fc from 'fast-check';
import type { Protection } from '../../src/hypervisor/types.js';
import { type Flip, FlippedHosts, targetsOf } from './flips.js';

const [wanted = 100_000, seed = 1] = process.argv.slice(2).map(Number);
const MODES: readonly Protection[] = ['xts+mac', 'ctr+mac', 'ctr+mac+tree'];
const DOMAINS = 64;

for (const mode of MODES) {
  const hosts = new FlippedHosts(mode, DOMAINS + 1);
  const targets = targetsOf(mode);
  const counts = new Map<string, number>();
  const add = (name: string, n: number): void => void counts.set(name, (counts.get(name) ?? 0) + n);
  const rounds = Math.ceil(wanted / MODES.length / DOMAINS);
  const flip: fc.Arbitrary<Flip> = fc.record({
    ...{ target: fc.constantFrom(...targets), choice: fc.nat(2 ** 30), bit: fc.nat(63) },
  });
  const drawn = fc.sample(fc.array(flip, { minLength: DOMAINS, maxLength: DOMAINS }), { numRuns: rounds, seed });
  for (const [round, flips] of drawn.entries()) {
    const tally = await hosts.inject(flips);
    for (const { target } of flips) add(target, 1);
    for (const [name, n] of Object.entries(tally)) add(name, n);
    if (process.stderr.isTTY) process.stderr.write(`\r${mode} ${(round + 1) * DOMAINS}`);
  }
  console.log(mode, JSON.stringify(Object.fromEntries(counts)));
}
