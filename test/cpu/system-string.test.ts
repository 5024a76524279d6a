import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DS, ES, type Fault, FS, GP, PF, SystemMachine, TABLES } from './system-machine.js';

const m = new SystemMachine();
const DF = 1 << 10;
const ARITHMETIC = 0x8d5;
const [MOVS, STOS, LODS, CMPS, SCAS] = [0, 1, 2, 3, 4];
const FINISHED = 0x80000000;
/** 64 KiB of data, at 0x30000 and, with paging, also mapped at 0x80000, 0x1030000 (same TLB index as 0x30000) and 0x70000. */
const DATA = 0x30000;
const DATA_SIZE = 0x10000;

function paging(readOnly: number[]): void {
  m.setU32(TABLES, (TABLES + 0x1000) | 7);
  m.setU32(TABLES + 4 * 4, (TABLES + 0x2000) | 7);
  for (let page = 0; page < 0x100; page++) {
    const alias = page >= 0x80 && page < 0x90 ? page - 0x50 : page;
    m.setU32(TABLES + 0x1000 + 4 * page, (alias << 12) | (readOnly.includes(page) ? 5 : 7));
    m.setU32(TABLES + 0x2000 + 4 * page, (alias << 12) | 7);
  }
  // Two holes.
  m.setU32(TABLES + 0x1000 + 4 * 0x38, 0);
  m.setU32(TABLES + 0x2000 + 4 * 0x3c, 0);
  m.setV('VCPU_CR3', TABLES);
  m.setV('VCPU_CR0', 0x80010011);
  m.call.flushAll(m.s);
}

/** Guest-physical address of a linear one under `paging`, or −1: what the model knows of it. */
function physical(linear: number): number {
  const page = linear >>> 12;
  if (page === 0x38 || page === 0x103c) return -1;
  const low = page >= 0x1000 ? page - 0x1000 : page;
  if (low >= 0x100) return -1;
  return ((low >= 0x80 && low < 0x90 ? low - 0x50 : low) << 12) | (linear & 0xfff);
}

interface Operation {
  kind: number;
  size: number;
  addressSize: number;
  source: number;
  rep: number;
  direction: boolean;
  esi: number;
  edi: number;
  ecx: number;
  eax: number;
  /** Arithmetic flags before it. */
  flags: number;
}

interface Outcome {
  registers: number[];
  flags: number;
  fault: Fault | undefined;
  done: number;
  finished: boolean;
}

const mask = (bytes: number) => (bytes === 4 ? 0xffffffff : (1 << (8 * bytes)) - 1) >>> 0;
const put = (old: number, value: number, bytes: number) => ((old & ~mask(bytes)) | (value & mask(bytes))) >>> 0;

/** SDM Vol. 2, one element after the other on `memory`, EFLAGS when all are done; FS is based at 0x28000 with limit 0xefff, the rest is flat. */
function model(op: Operation, memory: Uint8Array): Outcome {
  let { esi, edi, ecx, eax } = op;
  let flags: number | undefined;
  let done = 0;
  let fault: Fault | undefined;
  let finished = false;
  const step = op.direction ? -op.size : op.size;
  const locate = (index: number, offset: number, write: boolean): number[] | undefined => {
    if (index === FS && offset + op.size - 1 > 0xefff) {
      fault = { vector: GP, error: 0 };
      return undefined;
    }
    const linear = ((index === FS ? 0x28000 : 0) + offset) >>> 0;
    const places = Array.from({ length: op.size }, (_, n) => physical((linear + n) >>> 0));
    if (places.includes(-1)) {
      fault = { vector: PF, error: write ? 2 : 0 };
      return undefined;
    }
    return places;
  };
  const get = (places: number[]) => places.reduce((sum, at, n) => sum + (memory[at] ?? 0) * 2 ** (8 * n), 0);
  for (;;) {
    if (op.rep !== 0 && (ecx & mask(op.addressSize)) >>> 0 === 0) {
      finished = true;
      break;
    }
    let value = (eax & mask(op.size)) >>> 0;
    const offset = (edi & mask(op.addressSize)) >>> 0;
    if (op.kind === MOVS || op.kind === LODS || op.kind === CMPS) {
      const from = locate(op.source, (esi & mask(op.addressSize)) >>> 0, false);
      if (!from) break;
      value = get(from);
    }
    let compared: [number, number] | undefined;
    if (op.kind === LODS) eax = put(eax, value, op.size);
    else {
      const to = locate(ES, offset, op.kind < LODS);
      if (!to) break;
      if (op.kind < LODS) {
        to.forEach((at, n) => {
          memory[at] = Math.floor(value / 2 ** (8 * n)) & 0xff;
        });
      } else compared = [value, get(to)];
      edi = put(edi, edi + step, op.addressSize);
    }
    if (op.kind === MOVS || op.kind === LODS || op.kind === CMPS) esi = put(esi, esi + step, op.addressSize);
    if (compared) flags = subtract(compared[0], compared[1], op.size);
    done++;
    if (op.rep === 0) {
      finished = true;
      break;
    }
    ecx = put(ecx, ecx - 1, op.addressSize);
    if (flags !== undefined && ((flags >> 6) & 1) !== (op.rep === 1 ? 1 : 0)) {
      finished = true;
      break;
    }
  }
  return { registers: [eax, ecx, esi, edi], flags: finished ? (flags ?? op.flags) : op.flags, fault, done, finished };
}

/** EFLAGS of a − b by the definitions of SDM Vol. 1, 3.4.3.1, "Status Flags". */
function subtract(a: number, b: number, size: number): number {
  const sign = 2 ** (8 * size - 1);
  const r = (a - b) >>> 0;
  const result = (r & mask(size)) >>> 0;
  const signed = (value: number) => (value >= sign ? value - 2 * sign : value);
  const exact = signed(a) - signed(b);
  let parity = result & 0xff;
  parity ^= parity >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return (
    (a < b ? 1 : 0) |
    (parity & 1 ? 0 : 4) |
    ((a & 15) < (b & 15) ? 16 : 0) |
    (result === 0 ? 64 : 0) |
    (result >= sign ? 128 : 0) |
    (exact < -sign || exact >= sign ? 0x800 : 0)
  );
}

const COUNTERS = ['COUNTER_TLB_MISS', 'COUNTER_WALK_GUEST'];

/** Runs the operation in slices; returns its outcome and what was counted. */
function execute(op: Operation, slices: number[]): Outcome & { counted: number[] } {
  paging([]); // with clear accessed and dirty flags
  m.eflags = (op.direction ? DF : 0) | 2 | op.flags;
  for (const [name, value] of [
    ['VCPU_EAX', op.eax],
    ['VCPU_ECX', op.ecx],
    ['VCPU_ESI', op.esi],
    ['VCPU_EDI', op.edi],
  ] as const)
    m.setV(name, value);
  const before = COUNTERS.map((name) => m.counter(name));
  let done = 0;
  let finished = false;
  let fault: Fault | undefined;
  for (let n = 0; !finished && !fault; n++) {
    const slice = slices[n % slices.length] ?? 1;
    const result = m.call.stringOp(m.s, op.kind, op.size, op.addressSize, op.source, op.rep, slice) >>> 0;
    finished = result >= FINISHED;
    const part = result & 0x7fffffff;
    expect(part).toBeLessThanOrEqual(slice);
    done += part;
    fault = m.fault();
    if (!finished && !fault) expect(part).toBe(slice);
    if (!finished) expect(m.eflags & ARITHMETIC).toBe(op.flags);
  }
  return {
    registers: ['VCPU_EAX', 'VCPU_ECX', 'VCPU_ESI', 'VCPU_EDI'].map((name) => m.v(name)),
    flags: m.eflags & ARITHMETIC,
    fault,
    done,
    finished,
    counted: COUNTERS.map((name, n) => m.counter(name) - (before[n] ?? 0)),
  };
}

const data = new Uint8Array(0x100000);

/** Pseudo-random bytes with runs, so that comparisons last a while. */
function prepare(seed: number): void {
  let x = seed | 1;
  for (let at = DATA; at < DATA + DATA_SIZE; at++) {
    x = Math.imul(x, 1664525) + 1013904223;
    data[at] = x >>> 28 === 0 ? x >>> 16 : (data[at - 1] ?? 0);
  }
  m.bytes(DATA, DATA_SIZE).set(data.subarray(DATA, DATA + DATA_SIZE));
}

const near = fc.integer({ min: -70, max: 70 });
const pointer = fc
  .tuple(fc.constantFrom(0x31000, 0x34000, 0x34100, 0x38000, 0x39000, 0x84000, 0x1034000, 0x103c000), near)
  .map(([page, offset]) => page + offset);
const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.integer({ min: 0, max: 4 }),
  size: fc.constantFrom(1, 2, 4),
  addressSize: fc.constant(4),
  source: fc.constantFrom(DS, DS, FS),
  rep: fc.constantFrom(0, 1, 1, 2),
  direction: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  esi: pointer,
  edi: fc.oneof(pointer, fc.constant(0)),
  ecx: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 9000 })),
  flags: fc.constantFrom(0, 0x8d5, 0x41, 0x894),
  eax: fc.oneof(fc.constantFrom(0, 0x01010101, 0xabababab), fc.integer({ min: 0, max: 0xffffffff })),
});

describe('string instructions', () => {
  it('do what their elements do one by one, however they are cut', () => {
    m.reset();
    m.setSegment(FS, 0x18, 0x28000, 0xefff, 0x4093);
    fc.assert(
      fc.property(
        operation,
        near,
        fc.integer(),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3000 })), {
          minLength: 1,
          maxLength: 5,
        }),
        (random, distance, seed, slices) => {
          // A zero EDI asks for overlap: the destination lies near the source.
          const op = { ...random, edi: random.edi || random.esi + distance };
          if (op.source === FS) op.esi -= 0x28000;
          prepare(seed);
          const expected = model(op, data);
          const whole = execute(op, [0x7fffffff]);
          const { counted, ...outcome } = whole;
          expect(outcome).toEqual(expected);
          expect(Buffer.compare(m.bytes(DATA, DATA_SIZE), data.subarray(DATA, DATA + DATA_SIZE))).toBe(0);
          if (op.rep === 0) return;
          prepare(seed);
          const cut = execute(op, slices);
          expect(cut).toEqual({ ...outcome, counted });
          model(op, data);
          expect(Buffer.compare(m.bytes(DATA, DATA_SIZE), data.subarray(DATA, DATA + DATA_SIZE))).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('count the same misses however they are cut where both pages share a TLB entry', () => {
    m.reset();
    for (const [esi, edi] of [
      [0x34100, 0x1034800],
      [0x1034100, 0x34800],
      [0x34100, 0x34800],
      [0x31000, 0x34000],
    ] as const) {
      const rest = { size: 4, addressSize: 4, source: DS, rep: 1, direction: false, ecx: 200, eax: 0, flags: 0 };
      const op = { ...rest, kind: MOVS, esi, edi };
      const whole = execute(op, [1000]);
      for (const slices of [[1], [7], [50, 1]]) expect(execute(op, slices)).toEqual(whole);
      expect(whole.counted[0]).toBe((esi ^ edi) === 0x1000900 ? 400 : 2);
    }
  });

  it('with a 16-bit address size wrap and touch only the low words', () => {
    m.reset();
    m.setSegment(DS, 0, DATA, 0xffff, 0x93);
    m.setSegment(ES, 0, DATA, 0xffff, 0x93);
    for (let n = 0; n < DATA_SIZE; n++) m.bytes(DATA + n, 1)[0] = (n & 0xff) ^ (n >> 8);
    m.setV('VCPU_ESI', 0x1111fff0);
    m.setV('VCPU_EDI', 0x22227ff8);
    m.setV('VCPU_ECX', 0x33330020);
    const copied = Array.from({ length: 32 }, (_, n) => m.u8(DATA + ((0xfff0 + n) & 0xffff)));
    expect(m.call.stringOp(m.s, MOVS, 1, 2, DS, 1, 1000) >>> 0).toBe(FINISHED + 32);
    expect([...m.bytes(DATA + 0x7ff8, 32)]).toEqual(copied);
    expect([m.v('VCPU_ESI'), m.v('VCPU_EDI'), m.v('VCPU_ECX')]).toEqual([0x11110010, 0x22228018, 0x33330000]);
    // A word at 0xffff does not fit the segment.
    m.setV('VCPU_EDI', 0xfffd);
    m.setV('VCPU_ECX', 5);
    expect(m.call.stringOp(m.s, STOS, 2, 2, DS, 1, 1000)).toBe(1);
    expect(m.fault()).toEqual({ vector: GP, error: 0 });
    expect([m.v('VCPU_EDI'), m.v('VCPU_ECX')]).toEqual([0xffff, 4]);
  });

  it('see a page that becomes read-only only where they write', () => {
    m.reset();
    paging([0x31]);
    m.setV('VCPU_EDI', 0x30ff0);
    m.setV('VCPU_ECX', 100);
    expect(m.call.stringOp(m.s, STOS, 4, 4, DS, 1, 1000)).toBe(4);
    expect(m.fault()).toEqual({ vector: PF, error: 3 });
    expect([m.v('VCPU_EDI'), m.v('VCPU_ECX'), m.v('VCPU_FAULT_ADDRESS')]).toEqual([0x31000, 96, 0x31000]);
    m.setV('VCPU_EDI', 0x31000);
    m.setV('VCPU_EAX', 1);
    m.setV('VCPU_ECX', 3);
    expect(m.call.stringOp(m.s, SCAS, 1, 4, DS, 2, 1000) >>> 0).toBe(FINISHED + 3);
    expect(m.v('VCPU_ECX')).toBe(0);
  });
});
