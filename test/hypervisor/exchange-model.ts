/**
 * A plain model of grants and event channels, written from the public headers, and how the machine is held against it: what
 * every operation answers, and after each the reference counts, the owners, the contents, and what is mapped where.
 */
import { equal } from 'node:assert/strict';
import { createDomain, destroyDomain, reserve } from '../../src/hypervisor/domain.js';
import { references } from '../../src/hypervisor/frames.js';
import { codeDomain } from './fixture.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

export const DOMAINS = 3;
export const PAGES = 2; // pages that a domain grants
export const REFS = [8, 9] as const;
export const SLOTS = 4; // places in the window
export const PORTS = 4;
const FIRST_PAGE = 0x180;
const TABLE = 0x1f0 * 4096;
const WINDOW = 0xf000_0000;
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
  /** Its granter has ended. */
  revoked: boolean;
}
interface Port {
  state: 'closed' | 'unbound' | 'interdomain';
  domain: number;
  port: number;
  pending: boolean;
}

export type Operation =
  | { op: 'grant'; d: number; ref: number; to: number; page: number; readonly: boolean; permit: boolean }
  | { op: 'map'; d: number; granter: number; ref: number; slot: number; readonly: boolean }
  | { op: 'unmap'; d: number; handle: number; slot: number }
  | { op: 'alloc'; d: number; remote: number }
  | { op: 'bind'; d: number; remote: number; port: number }
  | { op: 'send'; d: number; port: number }
  | { op: 'close'; d: number; port: number }
  | { op: 'reset'; d: number }
  | { op: 'poke'; d: number; page: number; value: number }
  | { op: 'copy'; d: number; granter: number; ref: number; page: number; write: boolean }
  | { op: 'destroy'; d: number };

/** The rules of the public headers, without any of the machine. */
export class Model {
  readonly alive = Array<boolean>(DOMAINS).fill(true);
  readonly grants = Array.from({ length: DOMAINS }, () => new Map<number, Grant>());
  readonly maps: Mapping[][] = Array.from({ length: DOMAINS }, () => []);
  readonly ports: Port[][] = Array.from({ length: DOMAINS }, () => []);
  /** First word of every page. */
  readonly contents = Array.from({ length: DOMAINS }, () => Array<number>(PAGES).fill(0));

  pinned(d: number, r: number): readonly (Mapping & { by: number })[] {
    return this.maps.flatMap((list, by) =>
      list.filter((m) => !m.revoked && m.granter === d && m.ref === r).map((m) => ({ ...m, by })),
    );
  }

  /** The page that a grant gives to `by`, or −1. While it is mapped that is the page of the first mapping. */
  granted(granter: number, ref: number, by: number, write: boolean): number {
    const grant = this.grants[granter]!.get(ref);
    if (grant === undefined || !grant.permit || grant.to !== by || (grant.readonly && write)) return -1;
    const pins = this.pinned(granter, ref);
    return pins.some((m) => m.by !== by) ? -1 : (pins[0]?.page ?? grant.page);
  }

  map(o: Operation & { op: 'map' }): number {
    if (!this.alive[o.granter]) return -2;
    if (this.maps[o.d]!.some((m) => m.slot === o.slot)) return -5;
    const page = this.granted(o.granter, o.ref, o.d, !o.readonly);
    if (page < 0) return page;
    const list = this.maps[o.d]!;
    let handle = 0;
    while (list.some((m) => m.handle === handle)) handle++;
    list.push({ ...o, page, handle, revoked: false });
    return 0;
  }

  copy(o: Operation & { op: 'copy' }): number {
    if (!this.alive[o.granter]) return -2;
    const page = this.granted(o.granter, o.ref, o.d, o.write);
    if (page < 0) return page;
    const [theirs, own] = [this.contents[o.granter]!, this.contents[o.d]!];
    if (o.write) theirs[page] = own[o.page]!;
    else own[o.page] = theirs[page]!;
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

  reset(d: number): number {
    for (let p = 1; p <= this.ports[d]!.length; p++) this.close(d, p);
    return 0;
  }

  destroy(d: number): void {
    this.reset(d);
    this.maps[d] = [];
    for (const mapping of this.maps.flat()) if (mapping.granter === d) mapping.revoked = true;
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
    case 'reset':
      return x.op(o.d, 32, 10, struct([2, SELF]));
    case 'poke':
      x.guests[o.d]!.domain.writeMemory((FIRST_PAGE + o.page) * 4096, struct([4, o.value]));
      return 0;
    case 'copy': {
      const granted = [
        [4, o.ref],
        [2, o.granter],
        [2, 0],
      ] as const;
      const own = [
        [4, FIRST_PAGE + o.page],
        [2, SELF],
        [2, 0],
      ] as const;
      const ends = o.write ? [...own, ...granted] : [...granted, ...own];
      const result = x.op(o.d, 20, 5, struct(...ends, [2, 4], [2, o.write ? 2 : 1], [4, 0]), 1);
      return result || x.s16(o.d, ARGUMENT + 20);
    }
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
    case 'reset':
      return m.reset(o.d);
    case 'poke':
      m.contents[o.d]![o.page] = o.value;
      return 0;
    case 'copy':
      return m.copy(o);
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
      const expected = mapping === undefined || mapping.revoked ? 0xffffffff : frames[mapping.granter]![mapping.page]!;
      equal(frameOf(x, d, WINDOW + 4096 * s), expected);
    }
    for (let p = 0; p < PAGES; p++) {
      const users = m.maps.flat().filter((entry) => !entry.revoked && entry.granter === d && entry.page === p).length;
      equal(references(x.core, frames[d]![p]!), 1 + users);
      equal(x.u32(d, (FIRST_PAGE + p) * 4096), m.contents[d]![p]);
    }
    for (const [r, grant] of m.grants[d]!) {
      const pins = m.pinned(d, r);
      const writing = pins.some((pin) => !pin.readonly);
      const flags = x.u32(d, TABLE + 8 * r) & 0x1f;
      equal(flags, (grant.permit ? 1 : 0) | (grant.readonly ? 4 : 0) | (pins.length ? 8 : 0) | (writing ? 16 : 0));
    }
    const shared = x.core.read(x.guests[d]!.domain.base + x.core.layout.DOMAIN_SHARED_INFO);
    for (const [i, { pending }] of m.ports[d]!.entries()) {
      equal((x.core.read(shared + 2048) >>> (i + 1)) & 1, pending ? 1 : 0, `port ${i + 1}`);
    }
  }
}

/** Three domains, made anew for every sequence in the same slots. */
export class Bench {
  readonly #x = new Xen(Array<number>(DOMAINS).fill(0));
  #used = false;

  /** Runs a sequence on the machine and on the model. Throws AssertionError at the first difference. */
  run(operations: readonly Operation[]): void {
    const x = this.#x;
    if (this.#used) this.#remake();
    this.#used = true;
    const m = new Model();
    for (let d = 0; d < DOMAINS; d++) x.op(d, 12, 7, struct([2, SELF], [2, 0], [4, 1], [4, 0], [4, TABLE / 4096]));
    const frames = Array.from({ length: DOMAINS }, (_, d) =>
      Array.from({ length: PAGES }, (_, p) => frameOf(x, d, (FIRST_PAGE + p) * 4096)),
    );
    for (const [n, o] of operations.entries()) {
      if (!m.alive[o.d]) continue;
      equal(real(x, o), modelled(m, o), `${n}: ${JSON.stringify(o)}`);
      invariants(x, m, frames);
    }
    for (let d = 0; d < DOMAINS; d++) if (m.alive[d]) destroyDomain(x.core, d);
    equal(x.host.freeFrames, x.frames, 'frames are missing');
  }

  #remake(): void {
    const { core } = this.#x;
    for (let d = 0; d < DOMAINS; d++) {
      const config = codeDomain(`d${d}`, [0xf4]);
      createDomain(core, d, config, 0, 0, reserve(core, d, config));
    }
  }
}

/** A random sequence; `random(n)` gives 0 … n − 1. Ends are rare, or nothing would be left to end. */
export function draw(random: (n: number) => number, length: number): Operation[] {
  return Array.from({ length }, (_, n) => (n % 40 === 39 ? { op: 'destroy', d: random(DOMAINS) } : drawOne(random)));
}

function drawOne(random: (n: number) => number): Operation {
  const d = random(DOMAINS);
  const ref = REFS[random(REFS.length)]!;
  const page = random(PAGES);
  const granter = random(DOMAINS);
  const slot = random(SLOTS);
  const port = random(PORTS);
  const kind = random(39);
  if (kind < 6) return { op: 'grant', d, ref, to: granter, page, readonly: random(4) === 0, permit: random(4) > 0 };
  if (kind < 15) return { op: 'map', d, granter, ref, slot, readonly: random(2) === 0 };
  if (kind < 19) return { op: 'unmap', d, handle: random(4), slot };
  if (kind < 23) return { op: 'copy', d, granter, ref, page, write: random(2) === 0 };
  if (kind < 26) return { op: 'poke', d, page, value: random(2 ** 31) };
  if (kind < 29) return { op: 'alloc', d, remote: granter };
  if (kind < 32) return { op: 'bind', d, remote: granter, port };
  if (kind < 35) return { op: 'send', d, port };
  if (kind < 38) return { op: 'close', d, port };
  return { op: 'reset', d };
}

/** Marsaglia's xorshift32, as a source of numbers below n. */
export function numbers(seed: number): (n: number) => number {
  let state = (Math.imul(seed, 2654435761) | 1) >>> 0;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state = (state ^ (state << 5)) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}
