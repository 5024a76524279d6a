/** VCPUOP_register_runstate_memory_area, from the guest's side: what a guest that sleeps finds in its area. */
import { describe, expect, it } from 'vitest';
import { runHost } from '../../src/hypervisor/host.js';
import type { HostConfig } from '../../src/hypervisor/types.js';
import { codeDomain, guestDomain, hostConfig, MIB } from './fixture.js';

const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
const [ARGUMENT, AREA, POLL] = [MIB + 0x400, MIB + 0x800, MIB + 0x500];

/** Registers an area, then polls no port until 100 µs later each time. */
const CODE = [
  ...[0xc7, 0x05, ...word(ARGUMENT), ...word(AREA)], // mov dword [argument], area
  ...[0xb8, ...word(24), 0xbb, ...word(5), 0xb9, ...word(0), 0xba, ...word(ARGUMENT)], // vcpu_op, register, vCPU 0
  ...[0x0f, 0x01, 0xc1], // vmcall
  ...[0x81, 0x05, ...word(POLL + 8), ...word(100_000)], // loop: add dword [timeout], 100000
  ...[0xb8, ...word(29), 0xbb, ...word(3), 0xb9, ...word(POLL)], // sched_op poll
  ...[0x0f, 0x01, 0xc1], // vmcall
  ...[0xb9, ...word(1000), 0x49, 0x75, 0xfd], // a thousand rounds of dec ecx, jnz
  ...[0xeb, 0xda], // jmp loop
];

/** The area at every quantum's end, as numbers. */
async function areas(change: Partial<HostConfig>, neighbour: boolean) {
  const sleeper = codeDomain('sleeper', CODE, { pcpu: 0, maxInstructions: 60_000 });
  const domains = neighbour ? [sleeper, guestDomain('sieve', { pcpu: 0, maxInstructions: 5_000_000 })] : [sleeper];
  const found: number[][] = [];
  const { deterministic } = await runHost(
    hostConfig(domains, { pcpus: 1, quantumCycles: 250_000, sliceCycles: 100_000, ...change }),
    {
      workers: 1,
      operator: (op) => {
        if (!op.domains.includes(0)) return;
        const view = new DataView(op.domain(0).readMemory(AREA, 44).buffer);
        const times = [4, 12, 20, 28, 36].map((at) => Number(view.getBigUint64(at, true)));
        found.push([view.getUint32(0, true), ...times]);
      },
    },
  );
  return { found, result: deterministic.domains[0]! };
}

describe('the runstate of a vCPU', () => {
  it('adds up to its clock, at the time when it last woke, and neighbours do not show in it', async () => {
    const { found, result } = await areas({}, false);
    expect(found.length).toBeGreaterThan(5);
    for (const [state, since, running, runnable, blocked, offline] of found) {
      expect([state, runnable, offline]).toEqual([0, 0, 0]);
      expect(running! + blocked!).toBe(since);
    }
    const last = found.at(-1)!;
    expect(last[4]).toBeGreaterThan(10 * last[2]!); // it sleeps nearly all the time
    expect(last[1]).toBeLessThanOrEqual(result.clock);
    const beside = await areas({}, true);
    expect(beside.result.stateHash).toBe(result.stateHash);
    expect(beside.result.clock).toBe(result.clock);
  });

  it('shows stolen time where clocks are those of pCPUs', async () => {
    const { found } = await areas({ clock: 'pcpu' }, true);
    const [state, since, running, runnable, blocked] = found.at(-1)!;
    expect(state).toBe(0);
    expect(runnable).toBeGreaterThan(0);
    expect(running! + runnable! + blocked!).toBeGreaterThanOrEqual(since!);
  });
});
