/**
 * Random grant and event-channel operations by several domains, destruction included, against a plain model: what each
 * answers, and after every sequence reference counts, ownership and the frames that are left.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { references } from '../../src/hypervisor/frames.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const DOMAINS = 3;
const PAGES = 2; // pages that a domain grants
const FIRST_PAGE = 0x180;
const TABLE = 0x1f0 * 4096;
const WINDOW = 0xf000_0000;
const SLOTS = 4; // places in the window
const RUNS = Number(process.env.RINGFENCE_MODEL_RUNS ?? 200);

interface Grant {
  to: number;
  page: number;
  readonly: boolean;
  permit: boolean;
}
interface Mapping {
  granter: number;
  ref: number;
  page: number;
  readonly: boolean;
  slot: number;
  handle: number;
}
interface Port {
  state: 'closed' | 'unbound' | 'interdomain';
  domain: number;
  port: number;
  pending: boolean;
}

type Operation =
  | { op: 'grant'; d: number; ref: number; to: number; page: number; readonly: boolean; permit: boolean }
  | { op: 'map'; d: number; granter: number; ref: number; slot: number; readonly: boolean }
  | { op: 'unmap'; d: number; handle: number; slot: number }
  | { op: 'alloc'; d: number; remote: number }
  | { op: 'bind'; d: number; remote: number; port: number }
  | { op: 'send'; d: number; port: number }
  | { op: 'close'; d: number; port: number }
  | { op: 'destroy'; d: number };

const domain = fc.nat(DOMAINS - 1);
const port = fc.integer({ min: 0, max: 3 });
const ref = fc.integer({ min: 8, max: 9 });
const slot = fc.nat(SLOTS - 1);
const page = fc.nat(PAGES - 1);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    arbitrary: fc.record({
      op: fc.constant('grant' as const),
      d: domain,
      ref,
      to: domain,
      page,
      readonly: fc.nat(3).map((n) => n === 0),
      permit: fc.nat(3).map((n) => n > 0),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      op: fc.constant('map' as const),
      d: domain,
      granter: domain,
      ref,
      slot,
      readonly: fc.boolean(),
    }),
    weight: 9,
  },
  { arbitrary: fc.record({ op: fc.constant('unmap' as const), d: domain, handle: fc.nat(3), slot }), weight: 3 },
  { arbitrary: fc.record({ op: fc.constant('alloc' as const), d: domain, remote: domain }), weight: 3 },
  { arbitrary: fc.record({ op: fc.constant('bind' as const), d: domain, remote: domain, port }), weight: 3 },
  { arbitrary: fc.record({ op: fc.constant('send' as const), d: domain, port }), weight: 3 },
  { arbitrary: fc.record({ op: fc.constant('close' as const), d: domain, port }), weight: 3 },
);

/** The rules of the public headers, without any of the machine. */
class Model {
  readonly alive = Array<boolean>(DOMAINS).fill(true);
  readonly grants = Array.from({ length: DOMAINS }, () => new Map<number, Grant>());
  readonly maps: Mapping[][] = Array.from({ length: DOMAINS }, () => []);
  readonly ports: Port[][] = Array.from({ length: DOMAINS }, () => []);

  pinned(d: number, r: number): readonly (Mapping & { by: number })[] {
    return this.maps.flatMap((list, by) =>
      list.filter((m) => m.granter === d && m.ref === r).map((m) => ({ ...m, by })),
    );
  }

  map(o: Operation & { op: 'map' }): number {
    if (!this.alive[o.granter]) return -2;
    if (this.maps[o.d]!.some((m) => m.slot === o.slot)) return -5;
    const grant = this.grants[o.granter]!.get(o.ref);
    if (grant === undefined || !grant.permit || grant.to !== o.d || (grant.readonly && !o.readonly)) return -1;
    const pins = this.pinned(o.granter, o.ref);
    if (pins.some((m) => m.by !== o.d)) return -1;
    const list = this.maps[o.d]!;
    let handle = 0;
    while (list.some((m) => m.handle === handle)) handle++;
    list.push({ ...o, page: pins[0]?.page ?? grant.page, handle });
    return 0;
  }

  unmap(o: Operation & { op: 'unmap' }): number {
    const at = this.maps[o.d]!.findIndex((m) => m.handle === o.handle);
    if (at < 0) return -4;
    if (this.maps[o.d]![at]!.slot !== o.slot) return -5;
    this.maps[o.d]!.splice(at, 1);
    return 0;
  }

  at(d: number, p: number): Port | undefined {
    const found = p > 0 ? this.ports[d]![p - 1] : undefined;
    return found?.state === 'closed' ? undefined : found;
  }

  open(d: number, made: Port): number {
    const list = this.ports[d]!;
    let at = list.findIndex((p) => p.state === 'closed');
    if (at < 0) at = list.length;
    list[at] = made;
    return at + 1;
  }

  bind(d: number, remote: number, p: number): number {
    if (!this.alive[remote]) return -3;
    const other = this.at(remote, p);
    if (other?.state !== 'unbound' || other.domain !== d) return -22;
    const made: Port = { state: 'interdomain', domain: remote, port: p, pending: true };
    const own = this.open(d, made);
    Object.assign(other, { state: 'interdomain', domain: d, port: own });
    return own;
  }

  send(d: number, p: number): number {
    const own = this.at(d, p);
    if (own === undefined) return -22;
    if (own.state === 'interdomain') this.at(own.domain, own.port)!.pending = true;
    return 0;
  }

  close(d: number, p: number): number {
    const own = this.at(d, p);
    if (own === undefined) return -22;
    if (own.state === 'interdomain')
      Object.assign(this.at(own.domain, own.port)!, { state: 'unbound', domain: d, port: 0 });
    Object.assign(own, { state: 'closed', pending: false });
    return 0;
  }

  destroy(d: number): void {
    for (let p = 1; p <= this.ports[d]!.length; p++) this.close(d, p);
    this.maps[d] = [];
    for (const [i, list] of this.maps.entries()) this.maps[i] = list.filter((m) => m.granter !== d);
    this.alive[d] = false;
  }
}

/** Carries an operation out on the machine; what it answers. */
function real(x: Xen, o: Operation): number {
  switch (o.op) {
    case 'grant': {
      const flags = (o.permit ? 1 : 0) | (o.readonly ? 4 : 0);
      // The guest must not touch GTF_reading and GTF_writing, which are the hypervisor's.
      const kept = x.u32(o.d, TABLE + 8 * o.ref) & 0x18;
      const bytes = struct([2, flags | kept], [2, o.to], [4, FIRST_PAGE + o.page]);
      x.guests[o.d]!.domain.writeMemory(TABLE + 8 * o.ref, bytes);
      return 0;
    }
    case 'map': {
      const flags = o.readonly ? 6 : 2;
      const at = WINDOW + 4096 * o.slot;
      const result = x.op(o.d, 20, 0, struct([8, at], [4, flags], [4, o.ref], [4, o.granter], [4, 0], [8, 0]), 1);
      return result || x.s16(o.d, ARGUMENT + 18);
    }
    case 'unmap': {
      const at = WINDOW + 4096 * o.slot;
      const result = x.op(o.d, 20, 1, struct([8, at], [8, 0], [4, o.handle], [4, 0]), 1);
      return result || x.s16(o.d, ARGUMENT + 20);
    }
    case 'alloc':
      return x.op(o.d, 32, 6, struct([2, SELF], [2, o.remote], [4, 0])) || x.u32(o.d, ARGUMENT + 4);
    case 'bind':
      return x.op(o.d, 32, 0, struct([4, o.remote], [4, o.port], [4, 0])) || x.u32(o.d, ARGUMENT + 8);
    case 'send':
      return x.op(o.d, 32, 4, struct([4, o.port]));
    case 'close':
      return x.op(o.d, 32, 3, struct([4, o.port]));
    case 'destroy':
      destroyDomain(x.core, o.d);
      return 0;
  }
}

function modelled(m: Model, o: Operation): number {
  switch (o.op) {
    case 'grant':
      m.grants[o.d]!.set(o.ref, o);
      return 0;
    case 'map':
      return m.map(o);
    case 'unmap':
      return m.unmap(o);
    case 'alloc':
      return m.open(o.d, { state: 'unbound', domain: o.remote, port: 0, pending: false });
    case 'bind':
      return m.bind(o.d, o.remote, o.port);
    case 'send':
      return m.send(o.d, o.port);
    case 'close':
      return m.close(o.d, o.port);
    case 'destroy':
      m.destroy(o.d);
      return 0;
  }
}

const frameOf = (x: Xen, d: number, gpa: number) => x.core.call.eptFrame(x.guests[d]!.domain.eptp, gpa) >>> 0;

function invariants(x: Xen, m: Model, frames: readonly (readonly number[])[]): void {
  for (let d = 0; d < DOMAINS; d++) {
    if (!m.alive[d]) continue;
    for (let s = 0; s < SLOTS; s++) {
      const mapping = m.maps[d]!.find((entry) => entry.slot === s);
      const expected = mapping === undefined ? 0xffffffff : frames[mapping.granter]![mapping.page]!;
      expect(frameOf(x, d, WINDOW + 4096 * s)).toBe(expected);
    }
    for (let p = 0; p < PAGES; p++) {
      const users = m.maps.flat().filter((entry) => entry.granter === d && entry.page === p).length;
      expect(references(x.core, frames[d]![p]!)).toBe(1 + users);
    }
    for (const [r, grant] of m.grants[d]!) {
      const pins = m.pinned(d, r);
      const writing = pins.some((pin) => !pin.readonly);
      const flags = x.u32(d, TABLE + 8 * r) & 0x1f;
      expect(flags).toBe(
        (grant.permit ? 1 : 0) | (grant.readonly ? 4 : 0) | (pins.length ? 8 : 0) | (writing ? 16 : 0),
      );
    }
    const shared = x.core.read(x.guests[d]!.domain.base + x.core.layout.DOMAIN_SHARED_INFO);
    for (const [i, { pending }] of m.ports[d]!.entries()) {
      expect((x.core.read(shared + 2048) >>> (i + 1)) & 1, `port ${i + 1}`).toBe(pending ? 1 : 0);
    }
  }
}

describe('grants and event channels', () => {
  it('follow the plain model, and leave nothing behind', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 20, maxLength: 150, size: 'max' }), (operations) => {
        const x = new Xen(Array<number>(DOMAINS).fill(0));
        const m = new Model();
        for (let d = 0; d < DOMAINS; d++) x.op(d, 12, 7, struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, TABLE / 4096]));
        const frames = Array.from({ length: DOMAINS }, (_, d) =>
          Array.from({ length: PAGES }, (_, p) => frameOf(x, d, (FIRST_PAGE + p) * 4096)),
        );
        for (const [n, drawn] of operations.entries()) {
          // Ends are rare, or nothing would be left to end.
          const o: Operation = n % 40 === 39 ? { op: 'destroy', d: drawn.d } : drawn;
          if (!m.alive[o.d]) continue;
          expect(real(x, o), JSON.stringify(o)).toBe(modelled(m, o));
          invariants(x, m, frames);
        }
        for (let d = 0; d < DOMAINS; d++) if (m.alive[d]) destroyDomain(x.core, d);
        expect(x.host.freeFrames).toBe(x.frames);
      }),
      { numRuns: RUNS, seed: 4 },
    );
  });
});
