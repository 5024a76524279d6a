/** VM0: what a privileged domain maps and controls, from the guest's side, by Xen's memory.h, domctl.h and sysctl.h. */
import { describe, expect, it } from 'vitest';
import { destroyDomain } from '../../src/hypervisor/domain.js';
import { settleGangs } from '../../src/hypervisor/foreign.js';
import { references } from '../../src/hypervisor/frames.js';
import { runHost } from '../../src/hypervisor/host.js';
import { enqueue } from '../../src/hypervisor/run-queue.js';
import type { DomainConfig } from '../../src/hypervisor/types.js';
import { guestDomain, hostConfig, MIB } from './fixture.js';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const MEMORY_OP = 12;
const DOMCTL = 36;
const SYSCTL = 35;
const FOREIGN = 4;
const MACHINE = 5;
const VERSION = 0x15;
const [EPERM, ESRCH, EACCES, EFAULT, EBUSY, EINVAL, ENOSYS] = [-1, -3, -13, -14, -16, -22, -38];
const LISTS = ARGUMENT + 256;
const WINDOW = 0x80000; // page number

/** VM0 is domain 0. */
const machine = (pcpus: readonly number[] = [0, 1, 1]): Xen => new Xen(pcpus, [], [0]);

/** XENMEM_add_to_physmap_batch of VM0: the hypercall's result and those of the pages. */
function batch(x: Xen, space: number, foreign: number, idxs: readonly number[], gfns: readonly number[], d = 0) {
  const { domain } = x.guests[d]!;
  const words = (list: readonly number[]) => struct(...list.map((n) => [4, n] as const));
  domain.writeMemory(LISTS, words(idxs));
  domain.writeMemory(LISTS + 64, words(gfns));
  domain.writeMemory(LISTS + 128, words(idxs.map(() => 0x5555)));
  const result = x.op(
    ...([d, MEMORY_OP, 23] as const),
    struct([2, SELF], [2, space], [2, idxs.length], [2, foreign], [4, LISTS], [4, LISTS + 64], [4, LISTS + 128]),
  );
  return { result, errors: idxs.map((_, i) => x.u32(d, LISTS + 128 + 4 * i) | 0) };
}

function remove(x: Xen, gfn: number, d = 0): number {
  return x.op(d, MEMORY_OP, 15, struct([2, SELF], [2, 0], [4, gfn]));
}

function domctl(
  x: Xen,
  command: number,
  domain: number,
  union: Uint8Array = struct(),
  d = 0,
  version = VERSION,
): number {
  const bytes = new Uint8Array(144);
  bytes.set(struct([4, command], [4, version], [2, domain]));
  bytes.set(union, 16);
  x.guests[d]!.domain.writeMemory(ARGUMENT, bytes);
  return x.call(d, DOMCTL, ARGUMENT);
}

const frameOf = (x: Xen, d: number, gfn: number): number =>
  x.core.call.eptFrame(x.guests[d]!.domain.eptp, gfn * 4096) >>> 0;
const seen = (x: Xen, gfn: number, d = 0): number => frameOf(x, d, gfn);
/** Read, write and execute (bits 0 to 2) of a page of domain 0. Intel SDM Vol. 3C, 28.3.2 EPT Translation Mechanism. */
const rights = ({ core, guests }: Xen, gfn: number): number => {
  const dram = core.read(core.layout.HOST_DRAM);
  let [entry, seen] = [guests[0]!.domain.eptp, 7];
  for (const shift of [27, 18, 9, 0]) {
    entry = core.read(dram + (entry & 0xfffff000) + (Math.floor(gfn / 2 ** shift) & 511) * 8);
    seen &= entry;
  }
  return seen;
};
const field = (x: Xen, d: number, at: number): number => x.core.read(x.guests[d]!.domain.base + at);

describe('foreign pages', () => {
  it('maps pages of another domain read-write, one result for each', () => {
    const x = machine();
    const { result, errors } = batch(
      x,
      FOREIGN,
      1,
      [0x100, 0x1ff, 0x200, 0x10],
      [WINDOW, WINDOW + 1, WINDOW + 2, 2 ** 20],
    );
    expect(result).toBe(0);
    expect(errors).toEqual([0, 0, EINVAL, EINVAL]); // beyond its 2 MiB; beyond 4 GiB
    expect([seen(x, WINDOW), seen(x, WINDOW + 1)]).toEqual([frameOf(x, 1, 0x100), frameOf(x, 1, 0x1ff)]);
    expect([rights(x, WINDOW), rights(x, WINDOW + 1)]).toEqual([3, 3]);
    expect(references(x.core, frameOf(x, 1, 0x100))).toBe(2);
    expect(field(x, 1, x.core.layout.DOMAIN_GANG)).toBe(field(x, 0, x.core.layout.DOMAIN_GANG));
    expect(field(x, 1, x.core.layout.DOMAIN_PCPU)).toBe(0);
  });

  it('is undone by remove_from_physmap, and gives way to what comes next', () => {
    const x = machine();
    batch(x, FOREIGN, 1, [0x100], [WINDOW]);
    batch(x, FOREIGN, 2, [0x101], [WINDOW]); // takes its place
    expect(references(x.core, frameOf(x, 1, 0x100))).toBe(1);
    expect(seen(x, WINDOW)).toBe(frameOf(x, 2, 0x101));
    expect(remove(x, WINDOW)).toBe(0);
    expect(seen(x, WINDOW)).toBe(x.core.layout.FRAME_NONE);
    expect(references(x.core, frameOf(x, 2, 0x101))).toBe(1);
    expect(remove(x, WINDOW)).toBe(-2);
    expect(field(x, 0, x.core.layout.DOMAIN_FOREIGN)).toBe(0);
  });

  it('takes the place of own memory, which goes back to the host, but of nothing that others have mapped', () => {
    const x = machine();
    const before = x.host.freeFrames;
    expect(batch(x, FOREIGN, 1, [0x100], [0x180]).errors).toEqual([0]);
    expect(x.host.freeFrames).toBe(before + 1);
    expect(x.guests[0]!.domain.pages).toBe(511);
    const y = new Xen([0, 0], [], [0, 1]);
    batch(y, FOREIGN, 0, [0x180], [WINDOW], 1);
    expect(batch(y, FOREIGN, 1, [0x100], [0x180]).errors).toEqual([EBUSY]);
  });

  it('is for privileged domains, other domains and living ones', () => {
    const x = machine();
    expect(batch(x, FOREIGN, 0, [0x100], [WINDOW], 1).errors).toEqual([EPERM]);
    expect(batch(x, FOREIGN, SELF, [0x100], [WINDOW]).errors).toEqual([EINVAL]);
    expect(batch(x, FOREIGN, 0, [0x100], [WINDOW]).errors).toEqual([EINVAL]);
    expect(batch(x, FOREIGN, 3, [0x100], [WINDOW]).errors).toEqual([ESRCH]);
    destroyDomain(x.core, 2);
    expect(batch(x, FOREIGN, 2, [0x100], [WINDOW]).errors).toEqual([ESRCH]);
    expect(batch(x, 6, 1, [0x100], [WINDOW]).errors).toEqual([EINVAL]);
    expect(batch(x, 2, 1, [0x100], [WINDOW]).errors).toEqual([ENOSYS]);
    // One page at a time there is no room to say whose it is.
    expect(x.op(0, MEMORY_OP, 7, struct([2, SELF], [2, 0], [4, FOREIGN], [4, 0x100], [4, WINDOW]))).toBe(ENOSYS);
    expect(x.call(0, MEMORY_OP, 23, 0xfffffff0)).toBe(EFAULT);
  });

  it('into a named domain, as a toolstack may', () => {
    const x = machine();
    const { domain } = x.guests[0]!;
    domain.writeMemory(LISTS, struct([4, 0x100], [4, WINDOW]));
    const into = (domid: number) =>
      struct([2, domid], [2, FOREIGN], [2, 1], [2, 2], [4, LISTS], [4, LISTS + 4], [4, LISTS + 8]);
    expect(x.op(0, MEMORY_OP, 23, into(1))).toBe(0);
    expect(seen(x, WINDOW, 1)).toBe(frameOf(x, 2, 0x100));
    expect(x.op(1, MEMORY_OP, 23, into(0))).toBe(EPERM);
    expect(x.op(0, MEMORY_OP, 23, into(9))).toBe(ESRCH);
  });

  it('is revoked when its owner ends: no frame stays behind, and the mapper reads ones', () => {
    const x = machine([0, 0, 0]);
    batch(x, FOREIGN, 1, [0x100, 0x101], [WINDOW, WINDOW + 1]);
    batch(x, FOREIGN, 2, [0x100], [WINDOW + 2]);
    destroyDomain(x.core, 1);
    expect([seen(x, WINDOW), seen(x, WINDOW + 1)]).toEqual([x.core.layout.FRAME_NONE, x.core.layout.FRAME_NONE]);
    expect(x.core.call.peekU8(x.guests[0]!.vcpu.base, WINDOW * 4096 + 5)).toBe(0xff);
    expect(remove(x, WINDOW)).toBe(0);
    expect(x.core.call.peekU8(x.guests[0]!.vcpu.base, WINDOW * 4096 + 5)).toBe(-1);
    for (const d of [0, 2]) destroyDomain(x.core, d);
    expect(x.host.freeFrames).toBe(x.frames);
  });

  it('is let go when its mapper ends', () => {
    const x = machine([0, 0, 0]);
    batch(x, FOREIGN, 1, [0x100, 0x101], [WINDOW, WINDOW + 1]);
    destroyDomain(x.core, 0);
    expect(references(x.core, frameOf(x, 1, 0x100))).toBe(1);
    for (const d of [1, 2]) destroyDomain(x.core, d);
    expect(x.host.freeFrames).toBe(x.frames);
  });
});

describe('machine frames', () => {
  it('maps any frame of DRAM by its number, also EPT tables and free ones', () => {
    const x = machine([0, 1, 2]);
    const root = x.guests[1]!.domain.eptp >>> 12;
    const last = x.host.frames - 1;
    const { errors } = batch(x, MACHINE, 0, [frameOf(x, 2, 0x100), last, last + 1], [WINDOW, WINDOW + 1, WINDOW + 2]);
    expect(errors).toEqual([0, 0, EINVAL]);
    expect(seen(x, WINDOW)).toBe(frameOf(x, 2, 0x100));
    expect(field(x, 2, x.core.layout.DOMAIN_PCPU)).toBe(0); // one gang now
    expect(field(x, 1, x.core.layout.DOMAIN_PCPU)).toBe(1);
    expect(batch(x, MACHINE, 0, [root], [WINDOW]).errors).toEqual([0]);
    expect(field(x, 1, x.core.layout.DOMAIN_PCPU)).toBe(0);
    expect(batch(x, MACHINE, 0, [0], [WINDOW], 1).errors).toEqual([EPERM]);
  });

  it('may write tables: a domain whose EPT is gone still leaves nothing behind', () => {
    const x = machine([0, 0, 0]);
    const root = x.guests[1]!.domain.eptp >>> 12;
    expect(batch(x, MACHINE, 0, [root], [WINDOW]).errors).toEqual([0]);
    x.core.u8.fill(0, x.host.frameAddress(root), x.host.frameAddress(root) + 4096);
    for (const d of [1, 0, 2]) destroyDomain(x.core, d);
    expect(x.host.freeFrames).toBe(x.frames);
  });

  it('follows a frame to its next owner: the gang grows before the owner runs', () => {
    const x = machine([0, 1, 1]);
    const { core } = x;
    batch(x, MACHINE, 0, [frameOf(x, 0, 0x100)], [WINDOW]); // so that the tables are there
    const free = core.call.frameAllocate(0, core.layout.FRAME_TYPE_GUEST) >>> 0;
    core.call.frameFree(free);
    expect(batch(x, MACHINE, 0, [free], [WINDOW]).errors).toEqual([0]);
    settleGangs(core);
    expect(field(x, 1, core.layout.DOMAIN_PCPU)).toBe(1);
    expect(core.call.frameAllocate(1, core.layout.FRAME_TYPE_GUEST) >>> 0).toBe(free);
    settleGangs(core);
    expect(field(x, 1, core.layout.DOMAIN_PCPU)).toBe(0);
    expect(field(x, 2, core.layout.DOMAIN_PCPU)).toBe(1);
    core.call.frameFree(free);
  });
});

describe('memory_op of a foreign domain', () => {
  it('takes and gives its pages, and counts them', () => {
    const x = machine();
    const { domain } = x.guests[0]!;
    const reservation = (domid: number) => struct([4, LISTS], [4, 2], [4, 0], [4, 0], [2, domid], [2, 0]);
    domain.writeMemory(LISTS, struct([4, 0x120], [4, 0x121]));
    expect(x.op(0, MEMORY_OP, 1, reservation(1))).toBe(2);
    expect(frameOf(x, 1, 0x120)).toBe(x.core.layout.FRAME_NONE);
    expect(x.op(0, MEMORY_OP, 3, struct([2, 1]))).toBe(510);
    expect(x.op(0, MEMORY_OP, 4, struct([2, 1]))).toBe(512);
    expect(x.op(0, MEMORY_OP, 14, struct([2, 1]))).toBe(511);
    expect(x.op(0, MEMORY_OP, 6, reservation(1))).toBe(2);
    expect(x.op(0, MEMORY_OP, 3, struct([2, 1]))).toBe(512);
    for (const command of [1, 6]) {
      expect(x.op(1, MEMORY_OP, command, reservation(0))).toBe(EPERM);
      expect(x.op(0, MEMORY_OP, command, reservation(7))).toBe(ESRCH);
    }
    expect(x.op(1, MEMORY_OP, 3, struct([2, 0]))).toBe(EPERM);
  });
});

describe('domctl', () => {
  it('refuses in the order of Xen: argument, version, domain, privilege, command', () => {
    const x = machine();
    expect(x.call(0, DOMCTL, 0xfffffff0)).toBe(EFAULT);
    expect(domctl(x, 5, 1, struct(), 1, VERSION - 1)).toBe(EACCES);
    expect(domctl(x, 3, 9, struct(), 1)).toBe(ESRCH);
    for (const command of [2, 3, 4, 5, 12, 13, 14, 17, 999]) expect(domctl(x, command, 2, struct(), 1)).toBe(EPERM);
    expect(domctl(x, 999, 1)).toBe(ENOSYS);
    for (const command of [2, 3, 12, 13]) expect(domctl(x, command, 0)).toBe(EINVAL);
    expect(domctl(x, 3, SELF)).toBe(ESRCH);
  });

  it('pauses and unpauses: a paused vCPU is in no queue, and pauses nest', () => {
    const x = machine([0, 0, 1]);
    const l = x.core.layout;
    const p = x.host.pcpuAddress(0);
    enqueue(x.core, p, 1);
    expect(domctl(x, 4, 1)).toBe(EINVAL);
    expect([domctl(x, 3, 1), domctl(x, 3, 1)]).toEqual([0, 0]);
    expect(x.core.read(p + l.PCPU_QUEUE_LENGTH)).toBe(0);
    domctl(x, 5, 1);
    expect(x.u32(0, ARGUMENT + 16 + 4) & 0x38).toBe(0x08);
    expect(domctl(x, 4, 1)).toBe(0);
    expect(x.core.read(p + l.PCPU_QUEUE_LENGTH)).toBe(0);
    expect(domctl(x, 4, 1)).toBe(0);
    expect(x.core.read(p + l.PCPU_QUEUE_LENGTH)).toBe(1);
    domctl(x, 5, 1);
    expect(x.u32(0, ARGUMENT + 16 + 4) & 0x38).toBe(0x20);
  });

  it('destroys, and tells of the first domain from an id on', () => {
    const x = machine();
    domctl(x, 17, 2, struct([8, 0x1122334455], [8, 7]));
    expect(domctl(x, 2, 1)).toBe(0);
    expect(domctl(x, 2, 1)).toBe(ESRCH);
    expect(domctl(x, 5, 1)).toBe(0);
    const info = ARGUMENT + 16;
    expect(x.u32(0, ARGUMENT + 8) & 0xffff).toBe(2);
    expect([x.u32(0, info) & 0xffff, x.u32(0, info + 8), x.u32(0, info + 16)]).toEqual([2, 512, 512]);
    expect([x.u32(0, info + 48), x.u32(0, info + 64), x.u32(0, info + 68)]).toEqual([0xffffffff, 1, 0]);
    expect(x.u32(0, info + 76)).toBe(0x22334455);
    expect(domctl(x, 5, 3)).toBe(ESRCH);
  });

  it('reads and sets the registers of a vCPU', () => {
    const x = machine();
    const { domain } = x.guests[0]!;
    const at = MIB + 0x8000;
    const context = () => new DataView(domain.readMemory(at, 2800).buffer);
    const { vcpu } = x.guests[1]!;
    Object.assign(vcpu, { eax: 1, ebx: 2, ecx: 3, edx: 4, esi: 5, edi: 6, ebp: 7, esp: 8 });
    const argument = struct([4, 0], [4, 0], [8, at]);
    expect(domctl(x, 13, 1, argument)).toBe(0);
    const c = context();
    const words = (from: number, n: number) => Array.from({ length: n }, (_, i) => c.getUint32(from + 4 * i, true));
    expect(words(516, 7)).toEqual([2, 3, 4, 5, 6, 7, 1]);
    expect([c.getUint32(548, true), c.getUint16(552, true), c.getUint32(560, true), c.getUint16(564, true)]).toEqual([
      ...[MIB, 8, 8, 0x10],
    ]);
    expect([c.getUint16(0, true), c.getUint32(24, true), c.getUint32(512, true)]).toEqual([0x37f, 0x1f80, 0x25]);
    expect([c.getUint32(2716, true), c.getUint32(2748 + 24, true)]).toEqual([0x11, 0xffff0ff0]);
    c.setUint32(516, 0xb0b, true);
    c.setUint32(548, MIB + 16, true);
    c.setUint16(0, 0x27f, true);
    c.setUint32(2716, 0, true);
    domain.writeMemory(at, new Uint8Array(c.buffer));
    expect(domctl(x, 12, 1, argument)).toBe(0);
    expect([vcpu.ebx, vcpu.eip, vcpu.esp, vcpu.cr0]).toEqual([0xb0b, MIB + 16, 8, 0x11]); // CR0 is not taken
    expect(domctl(x, 13, 1, argument)).toBe(0);
    expect(context().getUint16(0, true)).toBe(0x27f);
    for (const command of [12, 13]) {
      expect(domctl(x, command, 1, struct([4, 1], [4, 0], [8, at]))).toBe(EINVAL);
      expect(domctl(x, command, 1, struct([4, 0], [4, 0], [8, 0x7ffff000]))).toBe(EFAULT);
      expect(domctl(x, command, 1, struct([4, 0], [4, 0], [8, 2 ** 33 + at]))).toBe(EFAULT);
    }
    expect(domctl(x, 14, 1)).toBe(0);
    expect(x.u32(0, ARGUMENT + 20) & 0xffffff).toBe(0x010001);
  });

  it('sets weights and caps, and tells them', () => {
    const x = machine();
    expect(domctl(x, 16, 1, struct([4, 6], [4, 0], [2, 512], [2, 50]))).toBe(0);
    expect(domctl(x, 16, 1, struct([4, 6], [4, 0], [2, 0], [2, 40]))).toBe(0);
    expect(domctl(x, 16, 1, struct([4, 6], [4, 1]))).toBe(0);
    expect(x.u32(0, ARGUMENT + 24)).toBe(512 + 40 * 65536);
  });

  it('sysctl lists domains and tells of the machine', () => {
    const x = machine();
    const op = (command: number, union: Uint8Array, d = 0, version = VERSION): number => {
      const bytes = new Uint8Array(136);
      bytes.set(struct([4, command], [4, version]));
      bytes.set(union, 8);
      x.guests[d]!.domain.writeMemory(ARGUMENT, bytes);
      return x.call(d, SYSCTL, ARGUMENT);
    };
    const list = MIB + 0x8000;
    const ask = (first: number, room: number) => struct([2, first], [2, 0], [4, room], [8, list]);
    expect(op(6, ask(1, 10))).toBe(0);
    expect(x.u32(0, ARGUMENT + 8 + 16)).toBe(2);
    expect([x.u32(0, list) & 0xffff, x.u32(0, list + 112) & 0xffff]).toEqual([1, 2]);
    expect(op(6, ask(0, 2))).toBe(0);
    expect(x.u32(0, ARGUMENT + 8 + 16)).toBe(2);
    expect(op(3, struct())).toBe(0);
    expect([x.u32(0, ARGUMENT + 16), x.u32(0, ARGUMENT + 8 + 40)]).toEqual([2, x.host.frames]);
    expect(x.u32(0, ARGUMENT + 8 + 48)).toBe(x.host.freeFrames);
    expect(op(3, struct(), 0, 1)).toBe(EACCES);
    expect(op(3, struct(), 1)).toBe(EPERM);
    expect(op(999, struct())).toBe(ENOSYS);
    expect(op(6, struct([2, 0], [2, 0], [4, 1], [8, 2 ** 40]))).toBe(EFAULT);
    expect(x.call(0, SYSCTL, 0)).toBe(EACCES); // zeros are mapped there
  });
});

const SECRET = 'the quick red fox told nobody';

/** vm0-dump against a victim on another pCPU. */
async function attack(cmdline: string, workers = 1, secret = SECRET) {
  const hex = Buffer.from(secret).toString('hex');
  const dump = guestDomain('vm0-dump', {
    cmdline: `of=1 hex=${hex} ${cmdline}`,
    privileged: true,
    maxInstructions: 1e9,
  });
  const victim = guestDomain('vm0-victim', { cmdline: 'n=300', maxInstructions: 1e9 });
  const bystander = guestDomain('sha256', { cmdline: 'kb=32 seed=2', maxInstructions: 1e9 });
  const { deterministic } = await runHost(hostConfig([dump, victim, bystander], { quantumCycles: 500_000 }), {
    workers,
  });
  const text = (d: number): string => Buffer.from(deterministic.domains[d]!.console).toString('latin1');
  return { deterministic, text };
}

describe('vm0-dump, in guest code', () => {
  it.each([
    ['a running guest', '', 0],
    ['a paused guest', 'pause=1', 1],
    ['all of DRAM', 'frames=1', 0],
  ])('finds the secret of %s, once', async (_what, cmdline, paused) => {
    const { deterministic, text } = await attack(cmdline);
    expect(deterministic.domains.map(({ outcome }) => outcome)).toEqual(
      Array(3).fill({ kind: 'shutdown', code: 0, reason: 'poweroff' }),
    );
    expect(text(0)).toContain(`# paused=${paused}\n`);
    expect(text(0)).toContain('@vm0-dump\n=00000001\n');
    expect(deterministic.zeroSum).toBe(true);
  });

  it('finds nothing that is not there, and gives the same with any number of workers', {
    timeout: 300_000,
  }, async () => {
    const [one, three] = [await attack('frames=1', 1), await attack('frames=1', 3)];
    expect(three.deterministic).toEqual(one.deterministic);
    const none = await attack('frames=1', 1, 'nobody ever wrote this');
    expect(none.text(0)).toContain('@vm0-dump\n=00000000\n');
  });
});

/** vm0-build with a guest as its module. */
async function toolstack(guest: string, cmdline: string, module: string, change: Partial<DomainConfig> = {}) {
  const child = guestDomain(guest);
  const vm0 = guestDomain('vm0-build', {
    ...{ cmdline, privileged: true, maxInstructions: 1e8, modules: [{ name: module, bytes: child.image }] },
    ...change,
  });
  const host = hostConfig([vm0, guestDomain('sieve', { cmdline: 'n=100000' })], {
    ...{ quantumCycles: 500_000, domainSlots: 2, limitCycles: 2e9, memoryBytes: 24 * MIB },
  });
  const { deterministic } = await runHost(host, { workers: 1 });
  return deterministic;
}

describe('vm0-build, the toolstack in guest code', () => {
  it('builds a domain from its module, lets it run to its end, and does so again in the same slot', async () => {
    const { domains, zeroSum } = await toolstack('sieve', 'rounds=3', 'sieve n=1000');
    expect(zeroSum).toBe(true);
    expect(domains.map(({ name, outcome }) => [name, outcome.kind])).toEqual([
      ['vm0-build', 'shutdown'],
      ['sieve', 'shutdown'],
      ...[1, 2, 3].map((n) => [`vm0-build/domain-${n}`, 'shutdown']),
    ]);
    const text = (d: number): string => Buffer.from(domains[d]!.console).toString('latin1');
    expect(text(0)).toContain('@vm0-build\n=00000003\n');
    // The same as the sieve prints when the host starts it.
    const { domains: direct } = (
      await runHost(hostConfig([guestDomain('sieve', { cmdline: 'n=1000' })]), { workers: 1 })
    ).deterministic;
    for (const d of [2, 3, 4]) expect(text(d)).toBe(Buffer.from(direct[0]!.console).toString('latin1'));
    expect(domains[2]!.memoryBytes).toBe(4 * MIB);
    expect(domains[2]!.retired).toBe(domains[3]!.retired);
  });

  it('destroys a domain that would never end', async () => {
    const { domains, zeroSum } = await toolstack('hostile-spin', 'stop=1 rounds=2', 'spin');
    expect(zeroSum).toBe(true);
    expect(domains.slice(2).map(({ outcome }) => outcome)).toEqual(
      Array(2).fill({ kind: 'destroyed', by: 'vm0-build' }),
    );
    expect(domains[0]!.outcome).toEqual({ kind: 'shutdown', code: 0, reason: 'poweroff' });
  });

  it('fails where it has no privilege, no slot or no memory, and leaves nothing behind', async () => {
    for (const [cmdline, change, error] of [
      ['', { privileged: false }, 1],
      ['kb=65536', {}, 12],
      ['rounds=1', { modules: [{ name: 'x', bytes: new Uint8Array(4096) }] }, -1],
    ] as const) {
      const { domains, zeroSum } = await toolstack('sieve', cmdline, 'sieve', change as Partial<DomainConfig>);
      expect(Buffer.from(domains[0]!.console).toString('latin1')).toContain(`# result=${error >>> 0}\n`);
      expect(domains[0]!.outcome).toMatchObject({ kind: 'shutdown', reason: 'crash' });
      expect(zeroSum).toBe(true);
    }
  });
});

describe('createdomain', () => {
  const HVM = 3;
  const create = (x: Xen, domid = 0, flags = HVM, vcpus = 1, d = 0): number =>
    domctl(x, 1, domid, struct([4, 0], [8, 5], [8, 6], [4, flags], [4, 0], [4, vcpus]), d);

  it('makes an empty, paused domain in a spare slot', () => {
    const x = new Xen([0, 1], [], [0], 2);
    const free = x.host.freeFrames;
    expect(create(x)).toBe(0);
    const id = x.u32(0, ARGUMENT + 8) & 0xffff;
    expect(id).toBe(2);
    expect(domctl(x, 5, id)).toBe(0);
    expect([x.u32(0, ARGUMENT + 20) & 0x38, x.u32(0, ARGUMENT + 24), x.u32(0, ARGUMENT + 16 + 76)]).toEqual([8, 0, 5]);
    expect(domctl(x, 11, id, struct([8, 2048]))).toBe(0);
    expect(domctl(x, 11, id, struct([8, 1024]))).toBe(EINVAL);
    expect(domctl(x, 11, id, struct([8, 2 ** 40]))).toBe(EINVAL);
    x.guests[0]!.domain.writeMemory(LISTS, struct([4, 0], [4, 511], [4, 512]));
    const reservation = struct([4, LISTS], [4, 3], [4, 0], [4, 0], [2, id], [2, 0]);
    expect(x.op(0, MEMORY_OP, 6, reservation)).toBe(2);
    expect([domctl(x, 15, id, struct([4, 1])), domctl(x, 15, id, struct([4, 2]))]).toEqual([0, EINVAL]);
    expect(domctl(x, 2, id)).toBe(0);
    expect(x.host.freeFrames).toBe(free);
    expect(create(x, 3)).toBe(0);
    expect(x.u32(0, ARGUMENT + 8) & 0xffff).toBe(3);
  });

  it('refuses what it does not offer', () => {
    const x = new Xen([0, 1], [], [0], 1);
    for (const flags of [0, 2, HVM | 0x100]) expect(create(x, 0, flags)).toBe(EINVAL);
    expect(create(x, 0, HVM | 0x40)).toBe(-95); // nested virtualisation
    for (const vcpus of [0, 2]) expect(create(x, 0, HVM, vcpus)).toBe(EINVAL);
    expect([create(x, 1), create(x, 9)]).toEqual([-17, EINVAL]);
    expect(create(x, 0, HVM, 1, 1)).toBe(EPERM);
    expect([create(x), create(x)]).toEqual([0, -12]);
  });
});
