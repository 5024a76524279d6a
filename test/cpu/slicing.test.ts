/**
 * How a run is cut into budgets changes nothing: registers, memory, counters and console after N steps are the same for
 * any slicing of N, with timer interrupts, self-modifying code, page faults and repeated string instructions in flight.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import { handleExit } from '../../src/hypervisor/exits.js';
import { Guest, RESUME } from '../../src/hypervisor/guest.js';
import { stateHash } from '../../src/hypervisor/state-hash.js';
import type { DomainConfig } from '../../src/hypervisor/types.js';
import { Core, coreModule, hostMemory } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { HostView } from '../../src/machine/views.js';

const EXIT_BUDGET = 0xffff;
/** Steps between the points at which the driver looks at the timers; part of the machine's input, so the same for all slicings. */
const TIMER_STEPS = 7_001;

interface Snapshot {
  state: string;
  counters: number[];
  console: string;
  steps: number;
}

/** Runs a guest for `steps` steps, in slices that `nextSlice` chooses. */
function runSliced(name: string, cmdline: string, steps: number, nextSlice: () => number): Snapshot {
  const module = coreModule();
  const config: DomainConfig = {
    name,
    image: readFileSync(`guests/images/${name}.elf`),
    imageName: name,
    memoryBytes: 4 << 20,
    cmdline,
    translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
  };
  const frames = framesNeeded(config);
  const core = new Core(module, hostMemory(module, 1, 1, 1, frames));
  core.call.hostInit(1, 1, 1, frames);
  const l = core.layout;
  core.u32.set(costWeights(DEFAULT_COST_TABLE, l), l.HOST_WEIGHTS >>> 2);
  core.writeF64(l.HOST_FREQUENCY, 1e9);
  createDomain(core, 0, config, 0, 0, reserve(core, 0, config));
  const guest = new Guest(core, new HostView(core).vcpuAddress(0));
  const v = guest.vcpu.base;
  let done = 0;
  let running = true;
  while (running && done < steps) {
    const toTimer = TIMER_STEPS - (done % TIMER_STEPS);
    const budget = Math.min(nextSlice(), toTimer, steps - done);
    const reason = core.call.run(v, budget);
    done += budget - core.read(v + l.VCPU_BUDGET);
    if (reason !== EXIT_BUDGET) running = handleExit(guest, reason) === RESUME;
    if (done % TIMER_STEPS === 0) core.call.pitSync(guest.domain.base, guest.clock());
  }
  guest.drain();
  const counters = Array.from({ length: l.COUNTERS }, (_, i) => core.readU64(v + l.VCPU_COUNTERS + 8 * i));
  return {
    state: stateHash(core, v),
    counters,
    console: Buffer.concat(guest.console).toString('latin1'),
    steps: done,
  };
}

const CASES: [guest: string, cmdline: string, steps: number][] = [
  ['rings', 'procs=3 n=2000', 400_000], // ring 3, INT 0x80, timer interrupts
  ['smc', 'n=200', 250_000], // code written ahead, behind and in other pages
  ['paging', 'rounds=1', 250_000], // demand paging in a #PF handler
  ['strings', 'rounds=1', 250_000], // REP MOVS, STOS, SCAS, CMPS
  ['hostile-garbage', '', 200_000], // rubbish as code
];

describe('slicing', () => {
  for (const [guest, cmdline, steps] of CASES) {
    it(`${guest}: any cut of ${steps} steps gives the same state, counters and console`, () => {
      const whole = runSliced(guest, cmdline, steps, () => steps);
      expect(whole.steps).toBeGreaterThan(50_000);
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom(3, 40, 300, 5_000), (seed, scale) => {
          let random = seed;
          const slice = () => {
            random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
            return 1 + Math.floor((random / 2 ** 32) * 2 * scale);
          };
          expect(runSliced(guest, cmdline, steps, slice)).toEqual(whole);
        }),
        { numRuns: 25 },
      );
    });
  }

  it('one step at a time is the same too', () => {
    const steps = 30_000;
    expect(runSliced('smc', 'n=2', steps, () => 1)).toEqual(runSliced('smc', 'n=2', steps, () => steps));
  });
});
