/** Devices and the secure-memory unit: one that works for its domain, and one that stands outside. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dmaCounts } from '../../src/hypervisor/disk.js';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { settleGangs } from '../../src/hypervisor/foreign.js';
import { gangOf } from '../../src/hypervisor/gang.js';
import { smmCounts } from '../../src/hypervisor/smm.js';
import type { Protection } from '../../src/hypervisor/types.js';
import { coreModule, packageRoot } from '../../src/machine/core.js';
import { FIRST, PAGE, SecureHost } from './machine.js';

const PROTECTED: readonly Protection[] = ['xts', 'xts+mac', 'ctr', 'ctr+mac', 'ctr+mac+tree'];
const PLAIN = Uint8Array.from({ length: PAGE }, (_, i) => i % 251);
const FORGED = Uint8Array.from({ length: 64 }, (_, i) => 255 - i);
const EPT_DIRTY = 1n << 9n;

interface Internals {
  dmaRead(device: number, address: bigint, length: number, to: number): number;
  dmaWrite(device: number, address: bigint, length: number, from: number): number;
}

/** Domain 1 (or 0) has a device that reads and writes memory as the test says. */
class Bench extends SecureHost {
  readonly device: number;
  readonly #internals: Internals;
  /** Two pages of the flat memory that are the device's own: frames that nobody was given. */
  readonly #own: number;

  constructor(protections: readonly Protection[], owner: number, space: 'guest' | 'machine', pcpus = 1) {
    const module = coreModule(join(packageRoot(), 'build', 'probe.wasm'));
    super({ protections, smm: { slots: 64 }, pcpus, module });
    const l = this.core.layout;
    const domain = this.host.domainAddress(owner);
    this.device = domain + l.DOMAIN_DEVICE;
    this.#own = this.host.frameAddress(this.host.frames - 8);
    const kind = space === 'guest' ? l.DMA_GUEST : l.DMA_MACHINE;
    this.core.call.diskAttach(domain, 0x100 + owner, kind, 1, this.#own, 0);
    this.#internals = this.core.call as unknown as Internals;
  }

  /** What the device reads, or undefined if a byte was refused. */
  deviceReads(address: bigint, length: number): Uint8Array | undefined {
    if (this.#internals.dmaRead(this.device, address, length, this.#own) === 0) return undefined;
    return this.core.u8.slice(this.#own, this.#own + length);
  }

  deviceWrites(address: bigint, bytes: Uint8Array): boolean {
    this.core.u8.set(bytes, this.#own);
    return this.#internals.dmaWrite(this.device, address, bytes.length, this.#own) !== 0;
  }

  get fault(): number {
    return this.core.read(this.device + this.core.layout.DEVICE_FAULT);
  }
}

const machine = (frame: number): bigint => BigInt(frame) * BigInt(PAGE);

describe('a device that was passed through', () => {
  it.each(['none', ...PROTECTED] as const)('reads with %s what DRAM holds', (mode) => {
    const x = new Bench([mode, 'none'], 1, 'machine');
    x.write(0, FIRST, PLAIN);
    const frame = x.frame(0, FIRST);
    x.flush();
    const seen = x.deviceReads(machine(frame), PAGE)!;
    expect(seen).toEqual(Uint8Array.from(x.dram(frame)));
    expect(Buffer.compare(seen, PLAIN) === 0).toBe(mode === 'none');
    expect(smmCounts(x.core, 0).violations).toEqual({ permission: 0, context: 0, integrity: 0, freshness: 0 });
  });

  it('corrupts without protection, and nobody is told', () => {
    const x = new Bench(['none', 'none'], 1, 'machine');
    x.write(0, FIRST, PLAIN);
    expect(x.deviceWrites(machine(x.frame(0, FIRST)), FORGED)).toBe(true);
    expect(x.read(0, FIRST, 64)).toEqual(FORGED);
  });

  it.each(PROTECTED)('garbles with %s, or is detected, where no slot holds the page', (mode) => {
    const x = new Bench([mode, 'none'], 1, 'machine');
    x.write(0, FIRST, PLAIN);
    x.flush();
    expect(x.deviceWrites(machine(x.frame(0, FIRST)), FORGED)).toBe(true);
    const seen = x.read(0, FIRST, 64);
    if (mode.includes('mac')) expect(seen).toBeUndefined();
    else {
      expect(seen).not.toEqual(PLAIN.slice(0, 64));
      expect(seen).not.toEqual(FORGED);
    }
    const { integrity, freshness } = smmCounts(x.core, 0).violations;
    expect([integrity, freshness]).toEqual([mode.includes('mac') ? 1 : 0, 0]);
    expect(smmCounts(x.core, 1).violations.integrity).toBe(0);
  });

  it.each(PROTECTED)('loses with %s what it writes below a dirty slot', (mode) => {
    const x = new Bench([mode, 'none'], 1, 'machine');
    x.write(0, FIRST, PLAIN);
    x.flush();
    x.write(0, FIRST, PLAIN.slice(0, 1)); // in a slot, and dirty
    expect(x.deviceWrites(machine(x.frame(0, FIRST)), FORGED)).toBe(true);
    expect(x.read(0, FIRST, PAGE)).toEqual(PLAIN);
    x.flush();
    expect(x.read(0, FIRST, PAGE)).toEqual(PLAIN);
    expect(smmCounts(x.core, 0).violations.integrity).toBe(0);
  });

  it.each(PROTECTED)('is met with %s when a clean slot above it is dropped', (mode) => {
    const x = new Bench([mode, 'none'], 1, 'machine');
    x.write(0, FIRST, PLAIN);
    x.flush();
    expect(x.read(0, FIRST, PAGE)).toEqual(PLAIN); // in a slot, and clean
    expect(x.deviceWrites(machine(x.frame(0, FIRST)), FORGED)).toBe(true);
    expect(x.read(0, FIRST, PAGE)).toEqual(PLAIN);
    x.flush();
    const after = x.read(0, FIRST, PAGE);
    if (mode.includes('mac')) expect(after).toBeUndefined();
    else expect(after).not.toEqual(PLAIN);
  });

  it('reaches all of DRAM and nothing else, byte by byte', () => {
    const x = new Bench(['ctr+mac', 'none'], 1, 'machine');
    const size = x.host.frames * PAGE;
    const dram = (): Uint8Array => x.core.u8.subarray(x.host.dram, x.host.dram + size);
    const before = x.core.u8.slice(x.host.dram + size, x.host.dram + size + 16 * PAGE);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: 0, max: size - 16 * PAGE }).map(BigInt),
          fc.integer({ min: -9000, max: 9000 }).map((off) => BigInt(size + off)),
          fc.constantFrom(2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n, 2n ** 63n),
        ),
        fc.integer({ min: 0, max: 2 * PAGE }),
        (address, length) => {
          const inside = address + BigInt(length) <= BigInt(size);
          const faults = dmaCounts(x.core, 1).faults;
          const seen = x.deviceReads(address, length);
          if (inside) expect(seen).toEqual(dram().slice(Number(address), Number(address) + length));
          else if (length > 0 || address >= 2n ** 32n)
            expect([seen, x.fault]).toEqual([undefined, x.core.layout.DMA_ABSENT]);
          expect(dmaCounts(x.core, 1).faults - faults).toBe(seen === undefined ? 1 : 0);
          x.deviceWrites(address, new Uint8Array(length));
        },
      ),
    );
    expect(x.core.u8.slice(x.host.dram + size, x.host.dram + size + 16 * PAGE)).toEqual(before);
  });

  it('makes stale what was decoded from the frame', () => {
    const x = new Bench(['none', 'none'], 1, 'machine');
    const l = x.core.layout;
    const frame = x.frame(0, FIRST);
    const entry = x.core.read(l.HOST_FRAME_TABLE) + frame * l.FRAME_ENTRY_SIZE;
    const generation = x.core.read(entry + l.FRAME_GENERATION);
    x.core.write(entry + l.FRAME_CODE_MASK, 1);
    x.deviceReads(machine(frame), 8);
    expect(x.core.read(entry + l.FRAME_CODE_MASK)).toBe(1);
    x.deviceWrites(machine(frame), FORGED);
    expect([x.core.read(entry + l.FRAME_CODE_MASK), x.core.read(entry + l.FRAME_GENERATION)]).toEqual([
      0,
      generation + 1,
    ]);
  });

  it('may write what it likes into EPT tables: every frame is found again', () => {
    const x = new Bench(['none', 'ctr+mac+tree', 'none'], 2, 'machine');
    const l = x.core.layout;
    x.core.write(l.HOST_DMA_MACHINE, 1);
    const type = (frame: number): number =>
      x.core.u16[(x.core.read(l.HOST_FRAME_TABLE) + frame * l.FRAME_ENTRY_SIZE + l.FRAME_TYPE) >>> 1]!;
    const tables = Array.from({ length: x.host.frames }, (_, frame) => frame).filter(
      (f) => type(f) === l.FRAME_TYPE_EPT,
    );
    expect(tables.length).toBeGreaterThan(8);
    const [garbage] = fc.sample(fc.uint8Array({ minLength: PAGE, maxLength: PAGE }), { numRuns: 1, seed: 3 });
    for (const [i, frame] of tables.entries()) x.deviceWrites(machine(frame) + BigInt(8 * i), garbage!.subarray(8 * i));
    for (const domain of [1, 0, 2]) destroyDomain(x.core, domain);
    expect(x.host.freeFrames).toBe(x.host.frames);
  });

  it('puts all domains on one pCPU once it has written an EPT table', () => {
    const x = new Bench(['none', 'none', 'none'], 1, 'machine', 3);
    settleGangs(x.core);
    expect([0, 1, 2].map((d) => gangOf(x.core, d))).toEqual([0, 1, 2]);
    const root = Math.floor(x.domain(2).eptp / PAGE);
    x.deviceReads(machine(root), 8);
    settleGangs(x.core);
    expect([0, 1, 2].map((d) => gangOf(x.core, d))).toEqual([0, 1, 2]);
    x.deviceWrites(machine(root), Uint8Array.from(x.dram(root).slice(0, 8)));
    settleGangs(x.core);
    expect(new Set([0, 1, 2].map((d) => gangOf(x.core, d))).size).toBe(1);
  });
});

describe('a device that the hypervisor emulates', () => {
  const guest = (gfn: number): bigint => BigInt(gfn * PAGE);

  it.each(['none', ...PROTECTED] as const)('reads and writes plaintext with %s, on its domain’s behalf', (mode) => {
    const x = new Bench([mode], 0, 'guest');
    x.write(0, FIRST, PLAIN);
    x.flush();
    expect(x.deviceReads(guest(FIRST), PAGE)).toEqual(PLAIN);
    expect(x.deviceWrites(guest(FIRST) + 100n, FORGED)).toBe(true);
    const wanted = PLAIN.slice();
    wanted.set(FORGED, 100);
    expect(x.read(0, FIRST, PAGE)).toEqual(wanted);
    x.flush();
    expect(x.read(0, FIRST, PAGE)).toEqual(wanted);
    x.flush();
    expect(Buffer.from(x.dram(x.frame(0, FIRST))).includes(Buffer.from(FORGED))).toBe(mode === 'none');
  });

  it('finds out what was forged, and the domain gets the record', () => {
    const x = new Bench(['ctr+mac'], 0, 'guest');
    x.write(0, FIRST, PLAIN);
    x.flush();
    x.dram(x.frame(0, FIRST))[9]! ^= 1;
    expect([x.deviceReads(guest(FIRST), 8), x.fault]).toEqual([undefined, x.core.layout.DMA_VIOLATION]);
    expect(smmCounts(x.core, 0).violations.integrity).toBe(1);
  });

  it('has no more rights than its domain’s EPT, and leaves its flags there', () => {
    const x = new Bench(['none', 'none'], 1, 'guest');
    const { eptp } = x.domain(1);
    const frame = x.frame(1, FIRST);
    const leaf = (): bigint => {
      let table = Math.floor(eptp / PAGE);
      for (let level = 4; ; level--) {
        const index = Math.floor((FIRST * PAGE) / 2 ** (3 + 9 * level)) % 512;
        const entry = new DataView(x.core.memory.buffer).getBigUint64(x.host.frameAddress(table) + 8 * index, true);
        if (level === 1) return entry;
        table = Number(entry >> 12n);
      }
    };
    x.core.call.eptMap(eptp, FIRST * PAGE, frame, 1, 1); // to be read
    expect(x.deviceReads(guest(FIRST), 8)).toBeDefined();
    expect([x.deviceWrites(guest(FIRST), FORGED), x.fault]).toEqual([false, x.core.layout.DMA_DENIED]);
    expect(leaf() & EPT_DIRTY).toBe(0n);
    x.core.call.eptMap(eptp, FIRST * PAGE, frame, 1, 7);
    expect(x.deviceWrites(guest(FIRST), FORGED)).toBe(true);
    expect(leaf() & EPT_DIRTY).toBe(EPT_DIRTY);
    x.core.call.eptUnmap(eptp, FIRST * PAGE, 1);
    expect([x.deviceReads(guest(FIRST), 8), x.fault]).toEqual([undefined, x.core.layout.DMA_ABSENT]);
    for (const address of [2n * 2n ** 20n, 0xfee00000n, 0xfeb00000n]) expect(x.deviceReads(address, 4)).toBeUndefined();
  });
});
