/** Runs one guest in slices of any size, and says all that there is to see of it afterwards. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import { handleExit } from '../../src/hypervisor/exits.js';
import { Guest, RESUME } from '../../src/hypervisor/guest.js';
import { initSmm, smmCounts } from '../../src/hypervisor/smm.js';
import { stateHash } from '../../src/hypervisor/state-hash.js';
import type { DomainConfig, Protection, SmmCounts } from '../../src/hypervisor/types.js';
import { coreModule } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { HostView } from '../../src/machine/views.js';
import { hostConfig } from '../hypervisor/fixture.js';

const EXIT_BUDGET = 0xffff;
/** Steps between the points at which the driver looks at the timers; part of the machine's input, so the same for all slicings. */
const TIMER_STEPS = 7_001;

export interface Snapshot {
  readonly state: string;
  readonly counters: readonly number[];
  readonly console: string;
  readonly steps: number;
  /** What the SMM counted, and the SHA-256 of DRAM once all is written back. */
  readonly smm: SmmCounts;
  readonly dram: string;
}

export interface Protected {
  readonly protection: Protection;
  /** Pages of the SMM buffer. */
  readonly slots: number;
}

/** Runs a guest for `steps` steps, in slices that `nextSlice` chooses. */
export function runSliced(
  name: string,
  cmdline: string,
  steps: number,
  nextSlice: () => number,
  { protection, slots }: Protected = { protection: 'none', slots: 0 },
): Snapshot {
  const module = coreModule();
  const config: DomainConfig = {
    name,
    image: readFileSync(`guests/images/${name}.elf`),
    imageName: name,
    memoryBytes: 4 << 20,
    cmdline,
    translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
    protection,
  };
  const frames = framesNeeded(config);
  const core = layOutHost(module, { pcpus: 1, vcpus: 1, domains: 1, frames, smmSlots: slots });
  const l = core.layout;
  core.u32.set(costWeights(DEFAULT_COST_TABLE, l), l.HOST_WEIGHTS >>> 2);
  core.writeF64(l.HOST_FREQUENCY, 1e9);
  initSmm(core, hostConfig([config]));
  createDomain(core, 0, config, 0, 0, reserve(core, 0, config));
  const host = new HostView(core);
  const guest = new Guest(core, host.vcpuAddress(0));
  const v = guest.vcpu.base;
  core.call.smmSwitch(host.pcpuAddress(0), v);
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
  const state = stateHash(core, v);
  const smm = smmCounts(core, 0);
  core.call.smmFlush(host.pcpuAddress(0));
  const dram = createHash('sha256').update(core.u8.subarray(core.read(l.HOST_DRAM), core.read(l.HOST_END)));
  const output = Buffer.concat(guest.console).toString('latin1');
  return { state, counters, console: output, steps: done, smm, dram: dram.digest('hex') };
}

/** Slices of 1 to 2 × `scale` steps. */
export function randomSlices(seed: number, scale: number): () => number {
  let random = seed;
  return () => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return 1 + Math.floor((random / 2 ** 32) * 2 * scale);
  };
}
