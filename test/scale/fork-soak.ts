/**
 * Creates, forks, resets and destroys domains at random, in whatever state they are, and counts frames after each step:
 *
 *   npx tsx test/scale/fork-soak.ts [cycles, default 10000] [seed, default 1]
 *
 * A cycle is one birth and, sooner or later, one end. Exit code 1 when a frame is missing at the end.
 */
import { runHost } from '../../src/hypervisor/host.js';
import type { Operator } from '../../src/hypervisor/operator.js';
import { HostView } from '../../src/machine/views.js';
import { guestDomain, hostConfig, MIB } from '../hypervisor/fixture.js';
import { Random } from '../oracle/random.js';

export interface Soak {
  readonly births: number;
  readonly resets: number;
  readonly refused: number;
  readonly mostFrames: number;
  readonly mostDomains: number;
  readonly zeroSum: boolean;
}

/** Forks `cycles` times, with at most 24 forks at a time, of guests that use timers, paging, rings, channels and grants. */
export async function soak(cycles: number, seed: number): Promise<Soak> {
  const random = new Random(seed);
  const pick = (n: number): number => random.below(n);
  const guests = ['timer', 'paging', 'rings', 'smc'].map((name) => guestDomain(name, { memoryBytes: 4 * MIB }));
  const pair = ['side=first peer=5', 'side=second peer=4'].map((cmdline, i) =>
    guestDomain('pingpong', { name: `ping-${i}`, cmdline, memoryBytes: 4 * MIB }),
  );
  const count = { births: 0, resets: 0, refused: 0, mostFrames: 0, mostDomains: 0 };
  const operator = (op: Operator): void => {
    const host = new HostView(op.domain(0).core);
    for (let step = 0; step < 6; step++) {
      const { domains } = op;
      const some = domains[pick(Math.max(1, domains.length))];
      if (some === undefined) return;
      const forks = domains.filter((slot) => slot >= guests.length + pair.length);
      const what = count.births >= cycles ? 3 : pick(forks.length >= 24 ? 2 : 4);
      if (what >= 2 && count.births < cycles) {
        if (op.fork(some, pick(3)) >= 0) count.births++;
        else count.refused++;
      } else if (what === 1) {
        if (op.reset(some) === 0) count.resets++;
        else count.refused++;
      } else {
        op.destroy(count.births >= cycles ? some : (forks[pick(Math.max(1, forks.length))] ?? -1));
      }
    }
    count.mostFrames = Math.max(count.mostFrames, host.frames - host.freeFrames);
    count.mostDomains = Math.max(count.mostDomains, op.domains.length);
  };
  const { deterministic } = await runHost(
    hostConfig([...guests, ...pair], {
      ...{ pcpus: 3, quantumCycles: 3000, sliceCycles: 1000, domainSlots: 24, memoryBytes: 48 * MIB, seed },
    }),
    { workers: 1, operator },
  );
  return { ...count, zeroSum: deterministic.zeroSum };
}

if (process.argv[1]?.endsWith('fork-soak.ts')) {
  const [cycles = 10_000, seed = 1] = process.argv.slice(2).map(Number);
  const result = await soak(cycles, seed);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exitCode = result.zeroSum ? 0 : 1;
}
