/** The micro benches: one subject each for the machine's own code, plain TypeScript (the baseline) and C. */
import { VcpuView } from '../../src/machine/views.js';
import { BASELINE } from '../report.js';
import { dmaReader } from '../subjects/dma.js';
import { interpreter } from '../subjects/interpreter.js';
import { tlbHit } from '../subjects/tlb-hit.js';
import { OPS, writeBlock } from '../subjects/uops.js';
import { walker } from '../subjects/walk.js';
import { type BenchMachine, benchMachine, CODE, DATA, PAGE_COUNT, PAGES } from './machine.js';

export interface MicroBench {
  readonly name: string;
  readonly about: string;
  /** What one operation is. */
  readonly operation: string;
  readonly prepare: () => Prepared;
}

export interface Native {
  readonly name?: string;
  readonly about?: string;
  /** Of a file in subjects/, without `.c`. */
  readonly source: string;
  readonly arguments: readonly number[];
}

export interface Prepared {
  /** What the C subject gets. */
  readonly machine: Pick<BenchMachine, 'numbers' | 'u8'>;
  /** Operations per call. */
  readonly operations: number;
  readonly subjects: readonly { readonly name: string; readonly about: string; readonly call: () => number }[];
  /** C subjects; the name is `c` unless there are several. */
  readonly natives: readonly Native[];
}

const TYPESCRIPT = 'the same in plain TypeScript';
const WASM = "the machine's code in WebAssembly";

export const MICRO_BENCHES: readonly MicroBench[] = [
  {
    name: 'tlb-hit',
    about: 'a load through the TLB that hits: one compare',
    operation: 'load',
    prepare: prepareHit,
  },
  {
    name: 'walk',
    about: 'a cold walk: two levels of guest tables, each reference through a four-level EPT (14 references)',
    operation: 'walk',
    prepare: prepareWalk,
  },
  { name: 'ept-walk', about: 'a walk of the EPT alone (4 references)', operation: 'walk', prepare: prepareEpt },
  {
    name: 'dma',
    about: 'a device reads 512 bytes of a guest page: EPT, accessed flags, accounts, copy',
    operation: 'transaction',
    prepare: prepareDma,
  },
  {
    name: 'interpreter',
    about: 'the interpreter on a guest loop of 9 instructions, 2 of them memory accesses',
    operation: 'guest instruction',
    prepare: prepareInterpreter,
  },
];

function prepareHit(): Prepared {
  const machine = benchMachine();
  const { loops, s, u32, host } = machine;
  const stride = 4096 + 64; // another page and another cache line each time
  const span = 1 << 20;
  const n = 1 << 16;
  for (let gpa = 4 << 20; gpa < 20 << 20; gpa += 4096) {
    for (let line = 0; line < 4096; line += 64) u32[(host(gpa) + line) >>> 2] = gpa + line;
  }
  loops.benchHit(s, PAGES, 4096, span, span / 4096); // fills the TLB
  const typescript = tlbHit(machine);
  return {
    machine,
    operations: n,
    subjects: [
      { name: BASELINE, about: TYPESCRIPT, call: () => typescript(PAGES, stride, span, n) },
      { name: 'ringfence', about: WASM, call: () => loops.benchHit(s, PAGES, stride, span, n) },
    ],
    natives: [{ source: 'tlb-hit', arguments: [s, PAGES, stride, span, n] }],
  };
}

function prepareWalk(): Prepared {
  const machine = benchMachine();
  const { loops, s, count } = machine;
  const n = PAGE_COUNT;
  const references = (): number => count('COUNTER_WALK_GUEST') + count('COUNTER_WALK_EPT');
  const before = references();
  loops.benchWalk(s, PAGES, PAGE_COUNT, n);
  const perWalk = (references() - before) / n;
  if (perWalk !== 14) throw new Error(`a walk made ${perWalk} references, not 14`);
  const typescript = walker(machine).both;
  return {
    machine,
    operations: n,
    subjects: [
      { name: BASELINE, about: TYPESCRIPT, call: () => typescript(PAGES, PAGE_COUNT, n) },
      { name: 'ringfence', about: WASM, call: () => loops.benchWalk(s, PAGES, PAGE_COUNT, n) },
    ],
    natives: [{ source: 'walk', arguments: [s, PAGES, PAGE_COUNT, n] }],
  };
}

function prepareEpt(): Prepared {
  const machine = benchMachine();
  const { loops, s } = machine;
  const n = PAGE_COUNT * 2;
  const typescript = walker(machine).ept;
  return {
    machine,
    operations: n,
    subjects: [
      { name: BASELINE, about: TYPESCRIPT, call: () => typescript(4 << 20, PAGE_COUNT, n) },
      { name: 'ringfence', about: WASM, call: () => loops.benchEpt(s, 4 << 20, PAGE_COUNT, n) },
    ],
    natives: [{ source: 'ept-walk', arguments: [s, 4 << 20, PAGE_COUNT, n] }],
  };
}

const SECTOR = 512;

function prepareDma(): Prepared {
  const machine = benchMachine();
  const { loops, s, device, u32, host, at, core } = machine;
  const n = PAGE_COUNT;
  const to = device + at('DEVICE_CHAIN'); // 2048 bytes that the device does not use here
  const first = 4 << 20;
  for (let page = 0; page < PAGE_COUNT; page++) u32[host(first + page * 4096) >>> 2] = page + 1;
  const moved = (): number => core.readU64(device + at('DEVICE_COUNTS') + 8 * at('DMA_READ_BYTES'));
  const before = moved();
  loops.benchDma(device, first, PAGE_COUNT, SECTOR, to, n);
  if (moved() - before !== n * SECTOR) throw new Error(`the device read ${moved() - before} bytes`);
  const typescript = dmaReader(machine);
  return {
    machine,
    operations: n,
    subjects: [
      { name: BASELINE, about: TYPESCRIPT, call: () => typescript(first, PAGE_COUNT, SECTOR, to, n) },
      { name: 'ringfence', about: WASM, call: () => loops.benchDma(device, first, PAGE_COUNT, SECTOR, to, n) },
    ],
    natives: [{ source: 'dma', arguments: [s, device, first, PAGE_COUNT, SECTOR, to, n] }],
  };
}

/**
 * The guest loop. Flags are live where the block ends, so AND and DEC compute theirs and the others do not.
 *
 *   8b 04 8e            mov  eax, [esi + ecx*4]
 *   01 d0               add  eax, edx
 *   31 c2               xor  edx, eax
 *   c1 c2 05            rol  edx, 5
 *   89 14 8f            mov  [edi + ecx*4], edx
 *   41                  inc  ecx
 *   81 e1 ff 03 00 00   and  ecx, 1023
 *   4b                  dec  ebx
 *   75 e8               jnz  (start)
 */
const LOOP = [
  0x8b, 0x04, 0x8e, 0x01, 0xd0, 0x31, 0xc2, 0xc1, 0xc2, 0x05, 0x89, 0x14, 0x8f, 0x41, 0x81, 0xe1, 0xff, 0x03, 0, 0,
  0x4b, 0x75, 0xe9,
];
const LOOP_INSTRUCTIONS = 9;
const SOURCE = DATA;
const TARGET = DATA + 0x1000;
const EXIT_BUDGET = 0xffff;

function prepareInterpreter(): Prepared {
  const machine = benchMachine();
  const { core, s, u8, u32, host, at } = machine;
  const n = LOOP_INSTRUCTIONS * 20_000;
  u8.set(LOOP, host(CODE));
  for (let i = 0; i < 1024; i++) u32[(host(SOURCE) >>> 2) + i] = Math.imul(i + 1, 2654435761);
  const vcpu = new VcpuView(core, s);
  const start = (): void => {
    vcpu.esi = SOURCE;
    vcpu.edi = TARGET;
    vcpu.ecx = 0;
    vcpu.edx = 1;
    vcpu.ebx = 0x7fffffff;
  };
  const ringfence = (): number => {
    start();
    vcpu.eip = CODE;
    const reason = core.call.run(s, n);
    if (reason !== EXIT_BUDGET || vcpu.eip !== CODE) throw new Error(`the guest loop left with reason ${reason}`);
    return vcpu.edx;
  };
  ringfence(); // fills the TLB for the others
  // Only frames are free to hold the other interpreters' block: one that the loop does not use.
  const block = host(DATA + 0x4000);
  const [eax, ecx, edx, ebx] = [at('VCPU_EAX'), at('VCPU_ECX'), at('VCPU_EDX'), at('VCPU_EBX')];
  writeBlock(machine, block, LOOP_INSTRUCTIONS, [
    { op: OPS.LOAD, a: eax, base: at('VCPU_ESI'), index: ecx, scale: 2 },
    { op: OPS.ADD, a: eax, b: edx },
    { op: OPS.XOR, a: edx, b: eax },
    { op: OPS.ROL_I, a: edx, imm: 5 },
    { op: OPS.STORE, b: edx, base: at('VCPU_EDI'), index: ecx, scale: 2 },
    { op: OPS.INC, a: ecx },
    { op: OPS.AND_I_FLAGS, a: ecx, imm: 1023 },
    { op: OPS.DEC_FLAGS, a: ebx },
    { op: OPS.JNZ },
  ]);
  const interpret = interpreter(machine);
  const typescript = (): number => {
    start();
    return interpret(block, n) === 0 ? vcpu.edx : -1;
  };
  return {
    machine,
    operations: n,
    subjects: [
      { name: BASELINE, about: TYPESCRIPT, call: typescript },
      { name: 'ringfence', about: WASM, call: ringfence },
    ],
    natives: [{ source: 'interpreter', arguments: [s, block, n, SOURCE, TARGET] }],
  };
}
