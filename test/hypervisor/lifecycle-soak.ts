/**
 * Domains that are created and destroyed in every state: grants mapped both ways, pages copied, events pending, foreign pages
 * mapped, paused, blocked, revoked mappings left behind: `npx tsx test/hypervisor/lifecycle-soak.ts [cycles] [seed]`. After each
 * cycle the free frames and the queues must be what they were. Status 1: they are not.
 */
import { lifecycle } from './lifecycle.js';

const [cycles = 10_000, seed = 1] = process.argv.slice(2).map(Number);
try {
  const { destroyed, revoked } = lifecycle(cycles, seed);
  console.log(
    `${cycles} cycles from seed ${seed}: ${destroyed} domains destroyed, ${revoked} with mappings elsewhere; zero-sum`,
  );
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
