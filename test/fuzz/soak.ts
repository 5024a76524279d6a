/** Usage: npx tsx test/fuzz/soak.ts [cases] [seed]. Prints progress and a summary of how the strings ended. */
import { exitReasonName } from '../../src/machine/exit-reasons.js';
import { FuzzMachine } from './machine.js';

const cases = Number(process.argv[2] ?? 10_000_000);
const seed = Number(process.argv[3] ?? 1);
const BATCH = 100_000;
const machine = new FuzzMachine(seed);
const exits = new Map<number, number>();
let steps = 0;
const started = performance.now();
for (let done = 0; done < cases; done += BATCH) {
  const report = machine.run(Math.min(BATCH, cases - done));
  steps += report.steps;
  for (const [reason, count] of report.exits) exits.set(reason, (exits.get(reason) ?? 0) + count);
  process.stderr.write(`\r${done + report.cases} of ${cases}`);
}
const seconds = (performance.now() - started) / 1e3;
process.stderr.write('\n');
console.log(
  `${cases} strings, ${steps} steps, ${(cases / seconds / 1e3).toFixed(0)} thousand strings per second, seed ${seed}: no trap, no hang, canary intact`,
);
for (const [reason, count] of [...exits].sort((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(10)}  ${reason === 0xffff ? 'budget used up' : exitReasonName(reason)}`);
