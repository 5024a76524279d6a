/**
 * Grants and event channels against the plain model, sequence after sequence: `npx tsx test/hypervisor/exchange-soak.ts
 * [sequences] [seed] [length]`. Every sequence has a seed of its own, which a failure names. Status 1: the machine differs.
 */
import { Bench, draw, numbers } from './exchange-model.js';

const [sequences = 100_000, first = 1, longest = 100] = process.argv.slice(2).map(Number);
const bench = new Bench();
let operations = 0;
for (let n = 0; n < sequences; n++) {
  const seed = first + n;
  const random = numbers(seed);
  const sequence = draw(random, 20 + random(longest - 20));
  operations += sequence.length;
  try {
    bench.run(sequence);
  } catch (error) {
    console.error(`sequence ${seed} differs: ${(error as Error).message}`);
    process.exit(1);
  }
  if ((n + 1) % 5000 === 0) console.log(`${n + 1} sequences, ${operations} operations: no divergence`);
}
console.log(`${sequences} sequences from seed ${first}, ${operations} operations: no divergence`);
