import { describe, expect, it } from 'vitest';
import {
  type ContextSwitchObserver,
  contextSwitch,
  switchOut,
  VCPU_NONE,
} from '../../src/hypervisor/context-switch.js';
import { runHost } from '../../src/hypervisor/host.js';
import { HYPERVISOR_SCHED_OP } from '../../src/hypervisor/hypercalls.js';
import { DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { boot, codeDomain, guestDomain, hostConfig } from './fixture.js';

const SPIN = [0xeb, 0xfe]; // JMP $
const HLT = 0xf4;
const CLI = 0xfa;
const SWITCH = DEFAULT_COST_TABLE.lines.find(({ event }) => event === 'context-switch')!.cycles;
/** MOV EAX, sched_op; XOR EBX, EBX (SCHEDOP_yield); VMCALL */
const YIELD = [0xb8, HYPERVISOR_SCHED_OP, 0, 0, 0, 0x31, 0xdb, 0x0f, 0x01, 0xc1];
const INLINE = { workers: 1 };

describe('contextSwitch', () => {
  const start = () => {
    const { core, host } = boot(codeDomain('only', [HLT]));
    core.write(core.layout.HOST_SWITCH_CYCLES, 700);
    return { core, p: host.pcpuAddress(0), v: host.vcpuAddress(0) };
  };

  it('tells the observers in the order of the list, after the change, and adds up what they take', () => {
    const { core, p } = start();
    const seen: unknown[] = [];
    const observer =
      (name: string, cycles: number): ContextSwitchObserver =>
      (...[c, pcpu, from, to]) => {
        seen.push([name, pcpu === p, from, to, c.read(p + c.layout.PCPU_CURRENT)]);
        return cycles;
      };
    expect(contextSwitch(core, p, VCPU_NONE, 0, [observer('a', 3), observer('b', 4)])).toBe(707);
    expect(contextSwitch(core, p, 0, VCPU_NONE, [observer('c', 0)])).toBe(0);
    expect(seen).toEqual([
      ['a', true, VCPU_NONE, 0, 0],
      ['b', true, VCPU_NONE, 0, 0],
      ['c', true, 0, VCPU_NONE, VCPU_NONE],
    ]);
    expect(core.readF64(p + core.layout.PCPU_SWITCH_CYCLES)).toBe(707);
  });

  it('refuses a `from` that is not current, and does nothing where nothing changes', () => {
    const { core, p } = start();
    expect(() => contextSwitch(core, p, 0, VCPU_NONE)).toThrow(RangeError);
    expect(contextSwitch(core, p, VCPU_NONE, VCPU_NONE)).toBe(0);
    expect(core.readF64(p + core.layout.PCPU_SWITCHES)).toBe(0);
  });

  it('counts and prices switches to a vCPU, not those to idle', () => {
    const { core, p, v } = start();
    const { PCPU_SWITCHES, VCPU_SWITCHES, PCPU_SWITCH_CYCLES } = core.layout;
    for (let i = 0; i < 3; i++) {
      expect(contextSwitch(core, p, VCPU_NONE, 0)).toBe(700);
      expect(contextSwitch(core, p, 0, VCPU_NONE)).toBe(0);
    }
    expect(core.readF64(p + PCPU_SWITCHES)).toBe(3);
    expect(core.read(v + VCPU_SWITCHES)).toBe(3);
    expect(core.readF64(p + PCPU_SWITCH_CYCLES)).toBe(2100);
  });

  it('switches out whom it is asked for, and nobody else', () => {
    const { core, p } = start();
    contextSwitch(core, p, VCPU_NONE, 0);
    switchOut(core, p, 1);
    expect(core.read(p + core.layout.PCPU_CURRENT)).toBe(0);
    switchOut(core, p, 0);
    expect(core.read(p + core.layout.PCPU_CURRENT)).toBe(VCPU_NONE);
  });
});

describe('context switches of a host', () => {
  const run = async (domains: ReturnType<typeof codeDomain>[], slice = 1_000_000) => {
    const config = hostConfig(domains, { pcpus: 1, sliceCycles: slice, quantumCycles: 1_000_000 });
    return (await runHost(config, INLINE)).deterministic;
  };

  it('are one for a domain that is alone, however many slices it runs', async () => {
    const { domains, pcpuContextSwitches } = await run([codeDomain('spin', SPIN, { maxInstructions: 100_000 })], 1000);
    expect(domains[0]!.scheduling.contextSwitches).toBe(1);
    expect(pcpuContextSwitches).toEqual([1]);
  });

  it('are time of the pCPU, and no time of a domain', async () => {
    const spin = (name: string) => codeDomain(name, SPIN, { maxInstructions: 100_000 });
    const { domains, pcpuContextSwitches, pcpuSwitchCycles, pcpuCycles, pcpuBusyCycles } = await run(
      [spin('a'), spin('b')],
      10_000,
    );
    const switches = domains.map((domain) => domain.scheduling.contextSwitches);
    for (const count of switches) expect(Math.abs(count - 10)).toBeLessThanOrEqual(1);
    expect(pcpuContextSwitches[0]).toBe(switches[0]! + switches[1]!);
    expect(pcpuSwitchCycles[0]).toBe(SWITCH * pcpuContextSwitches[0]!);
    const alone = (await run([spin('a')])).domains[0]!;
    expect(alone.clock).toBe(alone.cycles);
    for (const { cycles, clock } of domains) expect([cycles, clock]).toEqual([alone.cycles, alone.clock]);
    expect(pcpuBusyCycles[0]).toBe(2 * alone.cycles);
    expect(pcpuCycles[0]).toBeGreaterThanOrEqual(2 * alone.cycles + pcpuSwitchCycles[0]!);
  });

  it('leave each domain with a part of the wall-clock time, and no more in all than there was', async () => {
    const domains = [
      codeDomain('spin', SPIN, { maxInstructions: 300_000 }),
      guestDomain('pingpong', { name: 'ping', cmdline: 'n=200 side=first peer=2' }),
      guestDomain('pingpong', { name: 'pong', cmdline: 'n=200 side=second peer=1' }),
    ];
    const { deterministic, wallClock } = await runHost(hostConfig(domains, { pcpus: 1, sliceCycles: 100_000 }), INLINE);
    expect(deterministic.pcpuContextSwitches[0]).toBeGreaterThan(400);
    for (const { runMs, mips } of wallClock.domains) {
      expect(runMs).toBeGreaterThan(0);
      expect(mips).toBeGreaterThan(0);
    }
    expect(wallClock.domains.reduce((sum, { runMs }) => sum + runMs, 0)).toBeLessThanOrEqual(wallClock.runMs);
  });

  it('happen at a yield if somebody waits, and only then', async () => {
    const yields = [...YIELD, ...YIELD, ...YIELD, CLI, HLT];
    expect((await run([codeDomain('a', yields)])).pcpuContextSwitches).toEqual([1]);
    const two = await run([codeDomain('a', yields), codeDomain('b', yields)]);
    expect(two.domains.map((domain) => domain.scheduling.contextSwitches)).toEqual([4, 4]);
  });
});
