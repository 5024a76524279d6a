import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coreModule } from '../../src/machine/core.js';
import {
  bareCore,
  FLAT_MEMORY_MAX,
  hostBytes,
  hostPages,
  layOutHost,
  readPlan,
} from '../../src/machine/flat-memory.js';
import { checkedPlan, type HostPlan, PLAN, PLAN_NAMES, type WholePlan } from '../../src/machine/plan.js';

const module = coreModule();
const { exports } = new WebAssembly.Instance(module, {
  env: { memory: bareCore(module).memory, abort: () => undefined, hostKeystream: () => undefined },
});

/** Any number of assembly/layout.ts. */
function number(name: string): number {
  const global = exports[name];
  if (!(global instanceof WebAssembly.Global)) throw new Error(`layout.ts has no ${name}`);
  return Number(global.value) >>> 0;
}

const ONE: HostPlan = { pcpus: 1, vcpus: 1, domains: 1, frames: 16 };

/** Plans of hosts that are small enough to be laid out by the hundred. */
const small = fc
  .record({
    pcpus: fc.integer({ min: 1, max: 3 }),
    vcpus: fc.integer({ min: 0, max: 3 }),
    domains: fc.integer({ min: 1, max: 4 }),
    frames: fc.integer({ min: 1, max: 700 }),
    stlbEntries: fc.constantFrom(0, 1024, 5 * 1024),
    smmSlots: fc.constantFrom(0, 32, 33, 100),
    smmBatch: fc.constantFrom(0, 1, 32),
    diskPages: fc.integer({ min: 0, max: 40 }),
    mergeablePages: fc.integer({ min: 0, max: 5000 }),
  } satisfies Record<keyof WholePlan, unknown>)
  .map((plan) => ({ ...plan, vcpus: plan.domains + plan.vcpus }));

interface Region {
  readonly name: string;
  readonly begin: number;
  readonly bytes: number;
  readonly alignment: number;
}

/** What lies where, and how much must fit there: from the map in layout.ts and the sizes of its structures, not from how the core counts. */
function regions(plan: WholePlan, at: (word: string) => number): Region[] {
  const page = number('PAGE_SIZE');
  const { pcpus, vcpus, domains, frames, stlbEntries, smmSlots, smmBatch, diskPages, mergeablePages } = plan;
  const list: Region[] = [];
  const region = (word: string, alignment: number, ...sizes: (readonly [number, number])[]): void => {
    list.push({
      ...{ name: word, begin: at(word), alignment },
      bytes: sizes.reduce((sum, [count, size]) => sum + count * size, 0),
    });
  };
  list.push({ name: 'fixed', begin: 0, bytes: number('REGIONS'), alignment: 1 });
  region('HOST_PCPU_BASE', page, [pcpus, number('PCPU_SIZE')]);
  region('HOST_VCPU_BASE', page, [vcpus, number('VCPU_SIZE')]);
  region('HOST_DOMAIN_BASE', page, [domains, number('DOMAIN_SIZE')]);
  region('HOST_STLB', number('STLB_SIZE'), [vcpus, number('STLB_SIZE')], [stlbEntries, number('STLB_ENTRY_SIZE')]);
  if (mergeablePages > 0) region('HOST_MERGE', 8, [domains, number('MERGE_ENTRY')], [mergeablePages, 4]);
  if (smmSlots > 0) {
    region('HOST_SMM_FRAMES', page, [frames, number('SMM_FRAME_SIZE')]);
    region('HOST_SMM_SHARES', 64, [domains * number('MAPTRACK_ENTRIES'), number('SMM_SHARE_SIZE')]);
    region('HOST_SMM_KEYS', 64, [domains, number('SMM_KEY_SIZE')]);
    const unit = number('SMM_UNIT_TABLE') + smmSlots * number('SMM_SLOT_SIZE');
    region('HOST_SMM_UNITS', 64, [pcpus, unit]);
  }
  region('HOST_FRAME_TABLE', page, [frames + pcpus * smmSlots, number('FRAME_ENTRY_SIZE')]);
  region('HOST_DRAM', page, [frames, page]);
  const scratch = smmBatch === 0 ? number('SMM_UNIT_SCRATCH_SIZE') : number('SMM_UNIT_STREAM') + smmBatch * page;
  region('HOST_END', page, [pcpus * smmSlots, page], [smmSlots > 0 ? pcpus : 0, scratch]);
  region('HOST_DISKS', page, [diskPages, page]);
  return list;
}

describe('the plan of a host', () => {
  it('has the same numbers on both sides: its words, one after the other', () => {
    const words = PLAN_NAMES.map((name) => number(PLAN[name].word)).sort((a, b) => a - b);
    expect(words).toEqual(words.map((_, i) => number('PLAN') + 4 * i));
    expect(4 * words.length).toBe(number('PLAN_SIZE'));
  });

  it('has no more jobs for OpenSSL than there is room for', () => {
    expect(PLAN.smmBatch.most).toBe(
      Math.floor((number('SMM_UNIT_STREAM') - number('SMM_UNIT_JOBS')) / number('JOB_SIZE')),
    );
  });

  it('is what the core lays out: every region in its place, large enough, apart from the others', () => {
    fc.assert(
      fc.property(small, (plan) => {
        const core = layOutHost(module, plan);
        expect(readPlan(core)).toEqual(plan);
        expect(core.read(core.layout.HOST_MAGIC)).toBe(core.layout.LAYOUT_MAGIC);
        expect(core.read(core.layout.HOST_FREE_COUNT)).toBe(plan.frames);
        const list = regions(plan, (word) => core.read(number(word)));
        let end = 0;
        for (const { name, begin, bytes, alignment } of list) {
          expect(begin, name).toBeGreaterThanOrEqual(end);
          expect(begin % alignment, name).toBe(0);
          expect(begin - end, `the gap before ${name}`).toBeLessThan(Math.max(alignment, 64 * (plan.pcpus + 1)));
          end = begin + bytes;
        }
        expect(end).toBeLessThanOrEqual(core.u8.length);
        expect(core.u8.length - end).toBeLessThan(65536);
        expect(core.u8.length).toBe(hostBytes(module, plan));
        for (const absent of ['HOST_MERGE', 'HOST_SMM_UNITS']) {
          const there = list.some(({ name }) => name === absent);
          expect(core.read(number(absent)) !== 0, absent).toBe(there);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('tells how much it takes, however much that is', () => {
    const whole = checkedPlan({ pcpus: 64, vcpus: 4096, domains: 4096, frames: 2 ** 32 - 1 });
    expect(hostPages(module, whole)).toBeGreaterThan(2 ** 28);
    const most = Object.fromEntries(PLAN_NAMES.map((name) => [name, PLAN[name].most])) as unknown as WholePlan;
    const sum = regions(most, () => 0).reduce((bytes, region) => bytes + region.bytes, 0);
    expect(hostBytes(module, most)).toBeGreaterThanOrEqual(sum);
    expect(hostBytes(module, most)).toBeLessThan(sum * 1.0001);
    expect(hostBytes(module, { ...ONE, frames: 2 ** 18 })).toBeLessThan(2 ** 30 + 16 * 2 ** 20);
  });

  it('grows with each of its numbers', () => {
    const few = { ...ONE, smmSlots: 32, smmBatch: 1 };
    for (const name of PLAN_NAMES) {
      const more = {
        ...few,
        vcpus: 170,
        [name]: name === 'smmBatch' ? 170 : 40_000 * (PLAN[name].most > 65536 ? 4 : 0) + 64,
      };
      expect(hostBytes(module, more), name).toBeGreaterThan(hostBytes(module, { ...few, vcpus: 170 }));
    }
  });

  it.each(PLAN_NAMES)('is refused with %s out of range', (name) => {
    const { least, most } = PLAN[name];
    const plan = { ...ONE, vcpus: PLAN.vcpus.most, domains: 1 };
    for (const value of [least - 1, most + 1, least + 0.5, -(2 ** 31), 2 ** 32 + least, Number.NaN, Infinity]) {
      const wrong = { ...plan, [name]: value };
      expect(() => checkedPlan(wrong), `${value}`).toThrow(`a host's ${name} must be a whole number from ${least} to`);
      expect(() => hostPages(module, wrong), `${value}`).toThrow(RangeError);
      expect(() => layOutHost(module, wrong), `${value}`).toThrow(RangeError);
    }
    for (const value of [least, most]) {
      expect(checkedPlan({ ...plan, ...(name === 'vcpus' && { domains: 1 }), [name]: value })[name]).toBe(value);
    }
  });

  it('is refused without a vCPU slot for each domain, and where it does not fit', () => {
    expect(() => checkedPlan({ ...ONE, domains: 2 })).toThrow('a host of 2 domains needs as many vCPU slots, not 1');
    const large = { ...ONE, frames: FLAT_MEMORY_MAX / 4096 };
    let asked = 0;
    const allocate = (): WebAssembly.Memory => {
      asked++;
      return bareCore(module).memory;
    };
    expect(() => layOutHost(module, large, allocate)).toThrow(
      /^the host needs 4\d\d\d.* MiB of flat memory; 4096 MiB is the limit$/,
    );
    expect(asked).toBe(0);
  });
});
