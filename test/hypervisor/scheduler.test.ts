/** The scheduler's queues against plain lists, and what weights, caps and wake-ups come to in a whole host. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VCPU_NONE } from '../../src/hypervisor/context-switch.js';
import { budget, charge, getCap, getWeight, setCap, setWeight } from '../../src/hypervisor/credit.js';
import { runHost } from '../../src/hypervisor/host.js';
import { HYPERVISOR_SCHED_OP, HYPERVISOR_VCPU_OP } from '../../src/hypervisor/hypercalls.js';
import {
  dequeue,
  earliestWake,
  enqueue,
  enqueueBlocked,
  isInUse,
  park,
  takeWoken,
  unpark,
  wakeUp,
} from '../../src/hypervisor/run-queue.js';
import { NEVER } from '../../src/hypervisor/timers.js';
import type { DomainConfig, DomainResult, HostConfig } from '../../src/hypervisor/types.js';
import { VcpuHeap } from '../../src/hypervisor/vcpu-heap.js';
import { codeDomain, hostConfig, MIB } from './fixture.js';
import { Xen } from './xen.js';

const SPIN = [0xeb, 0xfe]; // JMP $
const INLINE = { workers: 1 };
const u32 = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

/** The machine's memory with `n` domains on one pCPU. */
function machine(n: number) {
  const { core, host } = new Xen(Array<number>(n).fill(0));
  return { core, host, p: host.pcpuAddress(0), l: core.layout };
}

describe('a heap of vCPUs', () => {
  const SIZE = 40;
  const { core, host, p, l } = machine(SIZE);
  const place = { length: l.PCPU_QUEUE_LENGTH, items: l.PCPU_QUEUE, capacity: SIZE, key: l.VCPU_SCHED_KEY };

  it('does what a sorted list does', () => {
    const operation = fc.oneof(
      fc.record({ kind: fc.constantFrom('push', 'update'), index: fc.nat(SIZE - 1), key: fc.nat(5) }),
      fc.record({ kind: fc.constantFrom('remove', 'first'), index: fc.nat(SIZE - 1), key: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
        const heap = new VcpuHeap(core, place);
        core.write(p + l.PCPU_QUEUE_LENGTH, 0);
        let model: { index: number; key: number; order: number }[] = [];
        let order = 0;
        for (const { kind, index, key } of operations) {
          const at = host.vcpuAddress(index) + l.VCPU_SCHED_KEY;
          const member = model.find((each) => each.index === index);
          if (kind === 'push' && member === undefined) {
            core.writeF64(at, key);
            heap.push(p, index);
            model.push({ index, key, order: order++ });
          } else if (kind === 'update' && member !== undefined) {
            core.writeF64(at, key);
            heap.update(p, index);
            member.key = key;
          } else if (kind === 'remove') {
            expect(heap.remove(p, index)).toBe(member !== undefined);
            model = model.filter((each) => each !== member);
          }
          const [first] = model.slice().sort((a, b) => a.key - b.key || a.order - b.order);
          expect(heap.first(p)).toBe(first?.index ?? VCPU_NONE);
          expect(heap.length(p)).toBe(model.length);
          expect(heap.contains(p, index)).toBe(model.some((each) => each.index === index));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses more than it has room for', () => {
    const heap = new VcpuHeap(core, { ...place, capacity: 1 });
    core.write(p + l.PCPU_QUEUE_LENGTH, 0);
    heap.push(p, 0);
    expect(() => heap.push(p, 1)).toThrow(RangeError);
    expect(heap.remove(p, 0)).toBe(true);
  });
});

describe('the queues of a pCPU', () => {
  it('wake in the order of the times, then of blocking, and an event moves a sleeper forward', () => {
    const { core, host, p } = machine(6);
    const until = [500, 300, NEVER, 300, NEVER, 100];
    for (const [index, wake] of until.entries()) enqueueBlocked(core, p, index, 10, wake);
    wakeUp(core, host.vcpuAddress(4), 200);
    wakeUp(core, host.vcpuAddress(0), 5); // not before it blocked
    wakeUp(core, host.vcpuAddress(1), 400); // it wakes sooner
    expect(earliestWake(core, p)).toBe(10);
    const woken = [];
    for (let i = takeWoken(core, p, 400); i !== VCPU_NONE; i = takeWoken(core, p, 400)) woken.push(i);
    expect(woken).toEqual([0, 5, 4, 1, 3]);
    expect(earliestWake(core, p)).toBe(NEVER);
    park(core, host, 2);
    expect(isInUse(core, p)).toBe(false);
    expect(earliestWake(core, p)).toBe(NEVER);
  });

  it('bring a parked vCPU back to where it was', () => {
    const { core, host, p } = machine(3);
    enqueue(core, p, 0);
    enqueueBlocked(core, p, 1, 0, 77);
    for (const index of [0, 1, 2]) park(core, host, index);
    expect(isInUse(core, p)).toBe(false);
    core.write(host.vcpuAddress(2) + core.layout.VCPU_RUN_STATE, core.layout.RUN_DEFERRED);
    for (const index of [0, 1, 2]) unpark(core, index);
    expect(earliestWake(core, p)).toBe(77);
    expect([dequeue(core, p, 0), dequeue(core, p, 0)]).toEqual([0, VCPU_NONE]);
  });

  it('give turns by virtual time', () => {
    const { core, host, p } = machine(3);
    const weights = [256, 512, 1024];
    for (const [index, weight] of weights.entries()) {
      expect(setWeight(core, index, weight)).toBe(true);
      enqueue(core, p, index);
    }
    const turns = [0, 0, 0];
    for (let turn = 0; turn < 7000; turn++) {
      const index = dequeue(core, p, turn * 1000);
      turns[index]!++;
      charge(core, host.domainAddress(index), 1000);
      enqueue(core, p, index, turn * 1000);
    }
    for (const [i, each] of turns.entries()) expect(Math.abs(each - [1000, 2000, 4000][i]!)).toBeLessThanOrEqual(1);
  });

  it('let who slept save up one slice and no more', () => {
    const { core, host, p, l } = machine(2);
    core.writeF64(p + l.PCPU_VTIME, 5e9);
    enqueue(core, p, 0);
    expect(core.readF64(host.domainAddress(0) + l.DOMAIN_VTIME)).toBe(5e9 - core.readF64(l.HOST_SLICE));
    core.writeF64(host.domainAddress(1) + l.DOMAIN_VTIME, 6e9);
    enqueue(core, p, 1);
    expect(core.readF64(host.domainAddress(1) + l.DOMAIN_VTIME)).toBe(6e9);
  });

  it('park a domain that has used up its budget until its refill', () => {
    const { core, host, p, l } = machine(2);
    const d = host.domainAddress(0);
    const period = 10 * core.readF64(l.HOST_SLICE);
    expect(setCap(core, 0, 25)).toBe(true);
    expect(budget(core, d, 0)).toBe(period / 4);
    charge(core, d, period / 4 + 10);
    expect(budget(core, d, period - 1)).toBe(-10);
    enqueue(core, p, 0);
    enqueue(core, p, 1);
    expect([dequeue(core, p, 100), dequeue(core, p, 100)]).toEqual([1, VCPU_NONE]);
    expect(earliestWake(core, p)).toBe(period);
    expect(takeWoken(core, p, period)).toBe(VCPU_NONE); // it was not asleep
    expect(dequeue(core, p, period)).toBe(0);
    expect(budget(core, d, period)).toBe(period / 4 - 10);
    expect(budget(core, d, 9 * period)).toBe(period / 4); // nothing is saved up
    expect(budget(core, host.domainAddress(1), 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('take weights and caps that are some, and no others', () => {
    const { core } = machine(1);
    expect([getWeight(core, 0), getCap(core, 0)]).toEqual([256, 0]);
    for (const weight of [0, -1, 65536, 1.5, Number.NaN]) expect(setWeight(core, 0, weight)).toBe(false);
    for (const cap of [-1, 101, 0.5]) expect(setCap(core, 0, cap)).toBe(false);
    expect(setWeight(core, 0, 65535) && setCap(core, 0, 100)).toBe(true);
    expect([getWeight(core, 0), getCap(core, 0)]).toEqual([65535, 100]);
  });
});

/** Sleeps `ns` by VCPUOP_set_singleshot_timer and SCHEDOP_poll, for ever; works `work` rounds of a loop between. */
function sleeper(ns: number, work: number): number[] {
  const POLL = MIB + 0x100; // {ports 0, nr_ports 0, u64 timeout}
  const loop = [
    ...[0x81, 0x05, ...u32(POLL + 8), ...u32(ns)], //        ADD [timeout], ns
    ...[0xb8, ...u32(HYPERVISOR_SCHED_OP), 0xbb, ...u32(3)], // EAX = sched_op, EBX = SCHEDOP_poll
    ...[0xb9, ...u32(POLL), 0x0f, 0x01, 0xc1], //            ECX = POLL; VMCALL
    ...[0xb9, ...u32(work), 0xe2, 0xfe], //                  ECX = work; LOOP $
  ];
  return [...loop, 0xeb, -(loop.length + 2) & 255];
}

describe('a host', () => {
  const run = async (domains: DomainConfig[], change: Partial<HostConfig> = {}) =>
    (await runHost(hostConfig(domains, { pcpus: 1, limitCycles: 20_000_000, sliceCycles: 50_000, ...change }), INLINE))
      .deterministic;
  const own = ({ scheduling: _, pcpu: __, ...rest }: DomainResult) => rest;
  const spinner = (name: string, weight: number, more: Partial<DomainConfig> = {}) =>
    codeDomain(name, SPIN, { weight, ...more });

  it('shares a pCPU by weights within 2 %', async () => {
    const weights = [256, 512, 1024, 100];
    const spinners = weights.map((weight, i) => spinner(`d${i}`, weight));
    const { domains, pcpuBusyCycles } = await run(spinners, { sliceCycles: 20_000 });
    const all = weights.reduce((sum, weight) => sum + weight);
    for (const [i, { cycles }] of domains.entries()) {
      expect(Math.abs(cycles / pcpuBusyCycles[0]! / (weights[i]! / all) - 1), `d${i}`).toBeLessThan(0.02);
    }
  });

  it('shares by weights though others sleep and wake', async () => {
    const sleepers = Array.from({ length: 5 }, (_, i) => codeDomain(`s${i}`, sleeper(10_000 + 777 * i, 500)));
    const { domains } = await run([spinner('a', 256), spinner('b', 768), ...sleepers]);
    expect(Math.abs(domains[1]!.cycles / domains[0]!.cycles / 3 - 1)).toBeLessThan(0.02);
    for (const { cycles, scheduling } of domains.slice(2)) {
      expect(scheduling.wakeups).toBeGreaterThan(100);
      expect(cycles).toBeGreaterThan(100 * 500);
    }
  });

  it('keeps a cap, on an idle pCPU too, and gives the others what is left', async () => {
    const alone = await run([spinner('capped', 256, { cap: 20 })]);
    expect(Math.abs(alone.domains[0]!.cycles / 20_000_000 / 0.2 - 1)).toBeLessThan(0.02);
    const { domains, pcpuBusyCycles } = await run([spinner('capped', 1024, { cap: 20 }), spinner('free', 256)]);
    expect(Math.abs(domains[0]!.cycles / 20_000_000 / 0.2 - 1)).toBeLessThan(0.02);
    expect(domains[0]!.cycles + domains[1]!.cycles).toBe(pcpuBusyCycles[0]);
    expect(domains[1]!.cycles).toBeGreaterThan(14_000_000);
  });

  it('gives turns of equal length round robin, whatever the weights', async () => {
    const { domains } = await run([spinner('a', 1), spinner('b', 60_000, { cap: 1 })], { scheduler: 'round-robin' });
    expect(Math.abs(domains[0]!.cycles / domains[1]!.cycles - 1)).toBeLessThan(0.02);
  });

  it('lets who wakes preempt who has had more, and without boost wait for the end of the slice', async () => {
    const crowd = () => [codeDomain('sleeper', sleeper(300_000, 10)), spinner('a', 256), spinner('b', 256)];
    const latency = async (change: Partial<HostConfig>) => {
      const { domains } = await run(crowd(), change);
      const { wakeups, wakeLatency, wakeLatencyMax } = domains[0]!.scheduling;
      expect(wakeups).toBeGreaterThan(30);
      return { mean: wakeLatency / wakeups, max: wakeLatencyMax, preempted: domains[1]!.scheduling.preemptions };
    };
    const boost = await latency({});
    const patient = await latency({ boost: false });
    const turns = await latency({ scheduler: 'round-robin' });
    // At once, but for the least time that a vCPU runs (slice / 30) and the switch.
    expect(boost.max).toBeLessThan(50_000 / 30 + 2 * 2000 + 100);
    expect(boost.preempted).toBeGreaterThan(10);
    expect(patient.preempted).toBe(0);
    expect(patient.mean).toBeGreaterThan(5 * boost.mean);
    expect(patient.max).toBeLessThan(60_000);
    expect(turns.mean).toBeGreaterThan(patient.mean);
  });

  it('gives a domain the same results under every scheduler, weight, cap and neighbour', async () => {
    const victim = (change: Partial<DomainConfig> = {}) =>
      codeDomain('victim', sleeper(20_000, 3000), { maxInstructions: 400_000, ...change });
    const neighbours = [spinner('x', 2000), codeDomain('y', sleeper(15_000, 100))];
    const limit = { limitCycles: 200_000_000 };
    const expected = own((await run([victim()], limit)).domains[0]!);
    for (const [change, host] of [
      [{}, {}],
      [{ weight: 7 }, {}],
      [{ cap: 11 }, { boost: false }],
      [{}, { scheduler: 'round-robin' }],
      [{ cap: 50 }, { sliceCycles: 7777, quantumCycles: 100_003 }],
    ] as const) {
      const bounded = neighbours.map((each) => ({ ...each, maxInstructions: 5_000_000 }));
      const { domains } = await run([victim(change), ...bounded], { ...limit, ...host });
      expect(own(domains[0]!)).toEqual(expected);
    }
  });

  it('gives the same for any number of workers', async () => {
    const domains = Array.from({ length: 12 }, (_, i) =>
      i % 3 === 0 ? spinner(`s${i}`, 100 + i) : codeDomain(`t${i}`, sleeper(9000 + i, 700), i === 5 ? { cap: 7 } : {}),
    );
    const config = hostConfig(domains, { pcpus: 3, limitCycles: 8_000_000, sliceCycles: 30_000 });
    const { deterministic } = await runHost(config, INLINE);
    expect((await runHost(config, { workers: 3 })).deterministic).toEqual(deterministic);
  });

  it('runs 1,000 domains on one pCPU of which nearly all sleep', { timeout: 120_000 }, async () => {
    const domains = Array.from({ length: 1000 }, (_, i) =>
      codeDomain(`d${i}`, sleeper(2_000_000 + 1000 * i, 50), { memoryBytes: 2 * MIB }),
    );
    const result = await run(domains, { limitCycles: 20_000_000, sliceCycles: 100_000 });
    expect(result.zeroSum).toBe(true);
    for (const { scheduling } of result.domains) expect(scheduling.wakeups).toBeGreaterThanOrEqual(4);
  });
});

it('uses the numbers of the public headers', () => expect([HYPERVISOR_SCHED_OP, HYPERVISOR_VCPU_OP]).toEqual([29, 24]));
