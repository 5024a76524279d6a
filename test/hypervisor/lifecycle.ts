/** Creates and destroys domains in random states, and counts what is left: see lifecycle-soak.ts. */
import { equal } from 'node:assert/strict';
import { createDomain, destroyDomain, reserve } from '../../src/hypervisor/domain.js';
import { pauseDomain } from '../../src/hypervisor/pause.js';
import { enqueue, enqueueBlocked, park } from '../../src/hypervisor/run-queue.js';
import { numbers } from './exchange-model.js';
import { codeDomain } from './fixture.js';
import { SELF, struct, Xen } from './xen.js';

const DOMAINS = 4;
const TABLE = 0x1f0;
const WINDOW = 0xf0000;
const LIST = 0x140000;

/** Domain 0 is privileged, and stays. Throws AssertionError if a frame or a queue is not what it was. */
export function lifecycle(cycles: number, seed: number): { destroyed: number; revoked: number } {
  const random = numbers(seed);
  const x = new Xen(Array<number>(DOMAINS).fill(0), [], [0]);
  const { core, host } = x;
  const l = core.layout;
  const p = host.pcpuAddress(0);
  const page = (d: number): number => 0x180 + d;
  let destroyed = 0;
  let revoked = 0;
  const make = (d: number): void => {
    const config = codeDomain(`d${d}`, [0xf4]);
    createDomain(core, d, config, 0, 0, reserve(core, d, config));
    x.op(d, 12, 7, struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, TABLE]));
  };
  x.op(0, 12, 7, struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, TABLE]));
  // The EPT tables of the windows are there from the first mapping on: they are VM0's own.
  x.guests[0]!.domain.writeMemory(LIST, struct([4, page(1)], [4, WINDOW]));
  const foreign = (owner: number, at: number): number => {
    x.guests[0]!.domain.writeMemory(LIST, struct([4, page(owner)], [4, at]));
    return x.op(0, 12, 23, struct([2, SELF], [2, 4], [2, 1], [2, owner], [4, LIST], [4, LIST + 4], [4, LIST + 8]));
  };
  foreign(1, WINDOW + 64);
  x.op(0, 12, 15, struct([4, SELF], [4, WINDOW + 64]));
  x.op(0, 32, 6, struct([2, SELF], [2, 1], [4, 0])); // and its shared_info
  x.op(0, 32, 10, struct([2, SELF]));
  for (let d = 1; d < DOMAINS; d++) destroyDomain(core, d);
  const before = host.freeFrames;
  for (let cycle = 0; cycle < cycles; cycle++) {
    const born = Array.from({ length: DOMAINS - 1 }, (_, i) => i + 1).filter(() => random(4) > 0);
    for (const d of born) make(d);
    const alive = [0, ...born];
    for (let n = 5 + random(20); n > 0; n--) act(alive[random(alive.length)]!, alive[random(alive.length)]!);
    for (const d of born) {
      const state = random(4);
      if (state === 0) enqueue(core, p, d);
      if (state === 1) enqueueBlocked(core, p, d, 0, 1e9);
      if (state === 2) pauseDomain(core, d);
    }
    while (born.length > 0) {
      const [d] = born.splice(random(born.length), 1) as [number];
      const at = host.domainAddress(d);
      if (core.read(at + l.DOMAIN_PINS) + core.read(at + l.DOMAIN_FOREIGN_OF) > 0) revoked++;
      park(core, host, d);
      destroyDomain(core, d);
      destroyed++;
    }
    letGo();
    equal(host.freeFrames, before, `cycle ${cycle}: frames`);
    equal(core.read(p + l.PCPU_QUEUE_LENGTH) + core.read(p + l.PCPU_BLOCKED_LENGTH), 0, `cycle ${cycle}: queues`);
    const d0 = host.domainAddress(0);
    const held = core.read(d0 + l.DOMAIN_MAPPINGS) + core.read(d0 + l.DOMAIN_FOREIGN) + core.read(d0 + l.DOMAIN_PINS);
    equal(held, 0, `cycle ${cycle}: mappings`);
  }
  for (let d = 0; d < 1; d++) destroyDomain(core, d);
  equal(host.freeFrames, x.frames, 'frames at the end');
  return { destroyed, revoked };

  /** What domain `a` does to domain `b`. */
  function act(a: number, b: number): void {
    const kind = random(8);
    const at = WINDOW + random(8);
    if (kind < 2) {
      const entry = struct([2, 1], [2, b], [4, page(a)]);
      x.guests[a]!.domain.writeMemory(TABLE * 4096 + 64 + 8 * random(2), entry);
    } else if (kind < 4) {
      x.op(
        a,
        20,
        0,
        struct([8, at * 4096], [4, random(2) === 0 ? 2 : 6], [4, 8 + random(2)], [4, b], [4, 0], [8, 0]),
        1,
      );
    } else if (kind === 4) x.op(a, 32, 6, struct([2, SELF], [2, b], [4, 0]));
    else if (kind === 5) x.op(a, 32, 0, struct([4, b], [4, 1 + random(3)], [4, 0]));
    else if (kind === 6) x.op(a, 32, 4, struct([4, 1 + random(3)]));
    else if (b !== 0) foreign(b, at + 16);
  }

  /** Domain 0 gives up what it still has of those that ended, and what it keeps in its own table. */
  function letGo(): void {
    for (let at = WINDOW; at < WINDOW + 32; at++) {
      x.op(0, 12, 15, struct([4, SELF], [4, at]));
      for (let handle = 0; handle < 8 && core.read(host.domainAddress(0) + l.DOMAIN_MAPPINGS) > 0; handle++) {
        x.op(0, 20, 1, struct([8, at * 4096], [8, 0], [4, handle], [4, 0]), 1);
      }
    }
    x.op(0, 32, 10, struct([2, SELF]));
  }
}
