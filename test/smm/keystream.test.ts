import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostKeystream, JOB_SIZE, type KeystreamFunctions } from '../../src/machine/keystream.js';
import { PAGE, SmmUnit } from './unit.js';

const PAGES = 40;
const unit = new SmmUnit(64);
const functions = unit.call as unknown as KeystreamFunctions;
const scratch = unit.allocate(unit.constant('SMM_SCRATCH_SIZE'));
const jobs = unit.allocate(PAGES * JOB_SIZE);
const stream = unit.allocate(PAGES * PAGE);
const from = unit.allocate(PAGES * PAGE);
const to = unit.allocate(PAGES * PAGE);
const expected = unit.allocate(PAGE);

const KEYS = [Buffer.alloc(16, 1), Buffer.alloc(32, 2), Buffer.from(Array.from({ length: 16 }, (_, i) => i * i))];
const schedules = KEYS.map((key) => unit.schedule(key));

interface Job {
  readonly key: number;
  readonly page: number;
  readonly counter: bigint;
  readonly inPlace: boolean;
}

const job: fc.Arbitrary<Job> = fc.record({
  key: fc.integer({ min: 0, max: KEYS.length - 1 }),
  page: fc.integer({ min: 0, max: 0xffffffff }),
  counter: fc.bigInt({ min: 0n, max: 1n << 56n }),
  inPlace: fc.boolean(),
});

function write(list: readonly Job[]): void {
  for (const [i, { key, page, counter, inPlace }] of list.entries()) {
    const at = jobs + i * JOB_SIZE;
    const source = from + i * PAGE;
    unit.view.setUint32(at, schedules[key]!, true);
    unit.view.setUint32(at + 4, page, true);
    unit.view.setBigUint64(at + 8, counter, true);
    unit.view.setUint32(at + 16, source, true);
    unit.view.setUint32(at + 20, inPlace ? source : to + i * PAGE, true);
  }
}

describe('the host back end', () => {
  it('gives the bytes of ctrPage for any jobs and keys', () => {
    fc.assert(
      fc.property(fc.array(job, { maxLength: PAGES }), (list) => {
        const host = new HostKeystream(functions, unit.memory);
        for (let i = 0; i < PAGES * PAGE; i++) unit.u8[from + i] = (i * 7) ^ (i >> 9);
        write(list);
        const plain = unit.get(from, PAGES * PAGE);
        host.run(jobs, list.length, stream);
        for (const [i, { key, page, counter, inPlace }] of list.entries()) {
          unit.put(expected, plain.subarray(i * PAGE, (i + 1) * PAGE));
          unit.call.ctrPage(schedules[key]!, scratch, page, counter, expected, expected);
          const result = unit.get((inPlace ? from : to) + i * PAGE, PAGE);
          expect(result.equals(unit.get(expected, PAGE))).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('knows the size of a job as the core does', () => {
    expect(unit.constant('JOB_SIZE')).toBe(JOB_SIZE);
  });

  it('notices that another key lies where it found one', () => {
    const host = new HostKeystream(functions, unit.memory);
    const place = unit.allocate(unit.constant('AES_SCHEDULE_SIZE'));
    write([{ key: 0, page: 1, counter: 1n, inPlace: false }]);
    unit.view.setUint32(jobs, place, true);
    for (const key of [KEYS[0]!, KEYS[1]!, KEYS[2]!, KEYS[0]!]) {
      unit.schedule(key, place);
      host.run(jobs, 1, stream);
      unit.call.ctrPage(place, scratch, 1, 1n, from, expected);
      expect(unit.get(to, PAGE).equals(unit.get(expected, PAGE))).toBe(true);
    }
  });

  it('uses only its own staging memory', () => {
    const host = new HostKeystream(functions, unit.memory);
    write(Array.from({ length: 5 }, (_, i) => ({ key: 0, page: i, counter: 1n, inPlace: true })));
    const before = unit.get(0, unit.u8.length);
    host.run(jobs, 5, stream);
    const after = unit.get(0, unit.u8.length);
    for (const bytes of [before, after]) {
      bytes.fill(0, stream, stream + 5 * PAGE);
      bytes.fill(0, from, from + 5 * PAGE);
    }
    expect(after.equals(before)).toBe(true);
  });
});
