/**
 * Random bytes as code, in every mode the processor has. A second domain's memory and the hypervisor's own tables are the
 * canary: whatever the fuzzed guest does, they must stay as they were.
 */
import { createHash } from 'node:crypto';
import { createDomain, framesNeeded, reserve } from '../../src/hypervisor/domain.js';
import type { DomainConfig } from '../../src/hypervisor/types.js';
import { type Core, coreModule } from '../../src/machine/core.js';
import { costWeights, DEFAULT_COST_TABLE } from '../../src/machine/cost-table.js';
import { layOutHost } from '../../src/machine/flat-memory.js';
import { DomainView, HostView, VcpuView } from '../../src/machine/views.js';

export const MODES = [
  'real',
  'virtual-8086',
  'protected, 16 bit',
  'protected, 32 bit, ring 0',
  'protected, 32 bit, ring 0, paging',
  'protected, 32 bit, ring 3, paging',
] as const;
const [REAL, V86, PROTECTED16, , RING0_PAGED, RING3_PAGED] = [0, 1, 2, 3, 4, 5] as const;

const MEMORY = 1 << 20;
const PD = 0x1000;
const PT = 0x2000;
const IDT = 0x3000;
const GDT = 0x4000;
const TSS = 0x5000;
const TABLES_END = 0x6000;
const CODE = 0x10000; // 64 KiB of it
const STEPS = 48;
/** Cases between two rebuildings of the tables, which guests spoil. */
const REFRESH = 64;

export interface FuzzReport {
  cases: number;
  steps: number;
  exits: Map<number, number>;
  exceptions: number;
}

const CR0_PE = 1;
const CR0_ET = 0x10;
const CR0_WP = 0x10000;
const CR0_PG = 0x80000000;
const CR4_PSE = 0x10;
const FLAG_VM = 1 << 17;

export class FuzzMachine {
  readonly #core: Core;
  readonly #v: VcpuView;
  readonly #domain: DomainView;
  /** Host address of each guest page. */
  readonly #pages: number[];
  readonly #canary: () => string;
  readonly #expected: string;
  #random: number;

  constructor(seed: number) {
    const module = coreModule();
    const image = tinyImage();
    const config = (name: string): DomainConfig => ({
      name,
      image,
      imageName: name,
      memoryBytes: MEMORY,
      cmdline: '',
      translation: { kind: 'ept', pageSize: '4k', accessedDirty: true },
    });
    const configs = [config('fuzzed'), config('canary')];
    const frames = configs.reduce((sum, c) => sum + framesNeeded(c), 0);
    const core = layOutHost(module, { pcpus: 1, vcpus: 2, domains: 2, frames });
    const l = core.layout;
    core.u32.set(costWeights(DEFAULT_COST_TABLE, l), l.HOST_WEIGHTS >>> 2);
    core.writeF64(l.HOST_FREQUENCY, 1e9);
    for (const [i, c] of configs.entries()) createDomain(core, i, c, 0, 0, reserve(core, i, c));
    const host = new HostView(core);
    this.#core = core;
    this.#random = seed >>> 0 || 1;
    this.#v = new VcpuView(core, host.vcpuAddress(0));
    this.#domain = new DomainView(core, host.domainAddress(0));
    this.#pages = Array.from({ length: MEMORY / 4096 }, (_, i) => this.#domain.hostAddress(4096 * i));
    const other = new DomainView(core, host.domainAddress(1));
    const pattern = new Uint8Array(MEMORY).fill(0xa5);
    other.writeMemory(0, pattern);
    this.#canary = () => {
      const hash = createHash('sha256');
      hash.update(core.u8.subarray(l.HOST_MAGIC, l.HOST_MAGIC + 0x1000));
      hash.update(core.u8.subarray(host.vcpuAddress(1), host.vcpuAddress(1) + l.VCPU_SIZE));
      hash.update(core.u8.subarray(host.domainAddress(1), host.domainAddress(1) + l.DOMAIN_SIZE));
      for (let gpa = 0; gpa < MEMORY; gpa += 4096) {
        const at = other.hostAddress(gpa);
        hash.update(core.u8.subarray(at, at + 4096));
      }
      return hash.digest('hex');
    };
    this.#expected = this.#canary();
  }

  #next(): number {
    // xorshift32: Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (14), 2003
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random;
  }

  /** Runs `count` random strings and checks the canary. Throws on a trap or a spoilt canary. */
  run(count: number): FuzzReport {
    const report: FuzzReport = { cases: 0, steps: 0, exits: new Map(), exceptions: 0 };
    const core = this.#core;
    const l = core.layout;
    const v = this.#v.base;
    for (let i = 0; i < count; i++) {
      const seed = this.#random;
      if (i % REFRESH === 0) this.#tables();
      const mode = this.#next() % MODES.length;
      this.#arrange(mode);
      try {
        const reason = core.call.run(v, STEPS);
        report.exits.set(reason, (report.exits.get(reason) ?? 0) + 1);
      } catch (error) {
        throw new Error(`trap in mode '${MODES[mode]}', seed ${seed}: ${String(error)}`);
      }
      const left = core.i32[(v + l.VCPU_BUDGET) >>> 2]!;
      if (left < 0 || left > STEPS) throw new Error(`budget ${left} in mode '${MODES[mode]}', seed ${seed}`);
      report.steps += STEPS - left;
      report.cases++;
    }
    report.exceptions = this.#v.counter(l.COUNTER_EXCEPTION);
    if (this.#canary() !== this.#expected) throw new Error('memory outside the domain was written');
    return report;
  }

  #write(gpa: number, value: number): void {
    this.#core.write(this.#pages[gpa >>> 12]! + (gpa & 4095), value);
  }

  /** What the guest decoded from these bytes is stale: they were written from outside. */
  #written(gpa: number, length: number): void {
    const dram = this.#core.read(this.#core.layout.HOST_DRAM);
    for (let at = gpa; at < gpa + length; at = (at & ~4095) + 4096)
      this.#core.call.machineWritten(
        this.#pages[at >>> 12]! + (at & 4095) - dram,
        Math.min(gpa + length - at, 4096 - (at & 4095)),
      );
  }

  /** Page tables, descriptors and gates: half sensible, half random. */
  #tables(): void {
    for (let i = 0; i < 1024; i++) {
      const r = this.#next();
      this.#write(PT + 4 * i, r % 8 === 0 ? r : ((i & 255) << 12) | 0x07 | (r & 0x60));
      this.#write(PD + 4 * i, r % 5 === 0 ? r : PT | 0x07);
    }
    for (let i = 0; i < 256; i++) {
      const r = this.#next();
      const kind = [0x8e, 0x8f, 0xee, 0x85, 0x86, 0x8c][r % 6]!;
      this.#write(IDT + 8 * i, r % 7 === 0 ? this.#next() : (0x08 << 16) | (r & 0xfffc));
      this.#write(IDT + 8 * i + 4, r % 11 === 0 ? this.#next() : (CODE & 0xffff0000) | (kind << 8));
    }
    const flat = [
      [0, 0],
      [0xffff, 0x00cf9b00],
      [0xffff, 0x00cf9300],
      [0xffff, 0x00cffb00],
      [0xffff, 0x00cff300],
      [0x0067 | ((TSS & 0xffff) << 16), 0x00008b00],
      [0xffff, 0x00009b00],
      [0xffff, 0x00009300],
    ] as const;
    for (let i = 0; i < 512; i++) {
      const [low, high] = flat[i] ?? [this.#next(), this.#next()];
      this.#write(GDT + 8 * i, low);
      this.#write(GDT + 8 * i + 4, high);
    }
    for (let i = 0; i < 26; i++) this.#write(TSS + 4 * i, this.#next() % MEMORY);
    this.#write(TSS + 4, 0x9000); // ESP0
    this.#write(TSS + 8, 0x10); // SS0
    this.#written(PD, TABLES_END - PD);
  }

  #arrange(mode: number): void {
    const core = this.#core;
    const l = core.layout;
    const v = this.#v.base;
    const paged = mode === V86 || mode === RING0_PAGED || mode === RING3_PAGED;
    const cpl = mode === RING3_PAGED || mode === V86 ? 3 : 0;
    const wide = mode > PROTECTED16;
    for (let r = 0; r < 8; r++) {
      const x = this.#next();
      core.write(v + l.VCPU_EAX + 4 * r, x % 3 === 0 ? x : x % MEMORY);
    }
    const eip = wide ? CODE + (this.#next() & 0xffff) : this.#next() & 0xfff;
    core.write(v + l.VCPU_EIP, eip);
    core.write(v + l.VCPU_CPL, cpl);
    core.write(
      v + l.VCPU_CR0,
      ((mode === REAL ? 0 : CR0_PE) | CR0_ET | (this.#next() & (CR0_WP | 0xe)) | (paged ? CR0_PG : 0)) >>> 0,
    );
    core.write(v + l.VCPU_CR3, PD);
    core.write(v + l.VCPU_CR4, CR4_PSE | (this.#next() & 0x68c));
    const real = mode === REAL || mode === V86;
    for (let i = 0; i < 6; i++) {
      const code = i === 1;
      const type = code ? 0x9b : 0x93;
      const access = real ? (mode === V86 ? 0xf3 : 0x93) : type | (cpl << 5) | (wide ? 0xc000 : 0);
      const base = real || !wide ? CODE : 0;
      const selector = real ? CODE >>> 4 : ((code ? 8 : 16) + (cpl ? 16 : 0)) | cpl;
      this.#v.setSegment(i, { selector, base, limit: wide ? 0xffffffff : 0xffff, access });
    }
    this.#v.setSegment(6, { selector: 0, base: 0, limit: 0, access: 0x10000 });
    this.#v.setSegment(7, { selector: 0x28, base: TSS, limit: 0x67, access: 0x8b });
    core.write(v + l.VCPU_GDTR_BASE, GDT);
    core.write(v + l.VCPU_GDTR_LIMIT, 0xfff);
    core.write(v + l.VCPU_IDTR_BASE, this.#next() % 16 === 0 ? this.#next() : IDT);
    core.write(v + l.VCPU_IDTR_LIMIT, 0x7ff);
    core.write(v + l.VCPU_INHIBIT, 0);
    core.write(v + l.VCPU_INTR, this.#next() % 8 === 0 ? 1 : 0);
    core.write(v + l.VCPU_DR7, this.#next() % 32 === 0 ? this.#next() : 0x400);
    core.write(v + l.VCPU_ACTIVITY, l.ACTIVITY_ACTIVE);
    core.call.setEflags(
      v,
      (this.#next() & (mode === V86 ? 0x37fd5 : 0x17fd5) & ~FLAG_VM) | (mode === V86 ? FLAG_VM : 0),
    );
    core.call.flushAll(v);
    core.call.changeCode(v);
    const code = wide ? eip : CODE + eip;
    const first = code & ~3;
    for (let i = 0; i < 8; i++) this.#write(first + 4 * i, this.#next());
    this.#written(first, 32);
  }
}

/** The least Multiboot kernel: its code is replaced before it ever runs. */
function tinyImage(): Uint8Array {
  const bytes = new Uint8Array(0x74);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const words: [number, number][] = [
    [20, 1],
    [24, CODE],
    [28, 52],
    [52, 1],
    [56, 0x60],
    [60, CODE],
    [64, CODE],
    [68, 0x14],
    [72, 0x14],
    [76, 7],
    [80, 4],
    [0x60, 0x1badb002],
    [0x64, 0],
    [0x68, -0x1badb002],
  ];
  for (const [at, value] of words) view.setInt32(at, value | 0, true);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint16(40, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 1, true);
  return bytes;
}
