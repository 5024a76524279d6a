/** event_channel_op, hvm_op and what follows from them, against Xen's public headers. */
import { describe, expect, it } from 'vitest';
import { BLOCK, YIELD } from '../../src/hypervisor/guest.js';
import { ARGUMENT, SELF, sharedInfo, struct, Xen } from './xen.js';

const EVENT = 32;
const [BIND_INTERDOMAIN, BIND_VIRQ, CLOSE, SEND, STATUS, ALLOC, BIND_IPI, BIND_VCPU, UNMASK, RESET] = [
  0, 1, 3, 4, 5, 6, 7, 8, 9, 10,
];
const [EPERM, ENOENT, ESRCH, EFAULT, EEXIST, EINVAL, ENOSPC, ENOSYS] = [-1, -2, -3, -14, -17, -22, -28, -38];
const PORTS = 128;
const PENDING = 2048;
const MASK = 2176;

const alloc = (x: Xen, d: number, remote: number, dom = SELF) =>
  x.op(d, EVENT, ALLOC!, struct([2, dom], [2, remote], [4, 0])) || x.u32(d, ARGUMENT + 4);
const bind = (x: Xen, d: number, remote: number, port: number) =>
  x.op(d, EVENT, BIND_INTERDOMAIN!, struct([4, remote], [4, port], [4, 0])) || x.u32(d, ARGUMENT + 8);
const onPort = (x: Xen, d: number, command: number, port: number) => x.op(d, EVENT, command, struct([4, port], [4, 0]));
const status = (x: Xen, d: number, port: number) => {
  const result = x.op(d, EVENT, STATUS!, struct([4, SELF], [4, port], [8, 0], [8, 0]));
  return result || [8, 16, 20].map((at) => x.u32(d, ARGUMENT + at));
};
const bitSet = (x: Xen, d: number, words: number, port: number) =>
  (sharedInfo(x, d).getUint8(words + (port >> 3)) >> (port & 7)) & 1;
const callback = (x: Xen, d: number, low: number, high: number) =>
  x.op(d, 34, 0, struct([4, SELF], [4, 0], [4, low], [4, high]));
const intr = (x: Xen, d: number) => x.core.call.interruptPending(x.guests[d]!.vcpu.base);

/** Two domains with a channel: [xen, port of 0, port of 1]. */
function connected(pcpus: readonly number[] = [0, 0]): [Xen, number, number] {
  const x = new Xen(pcpus);
  const port = alloc(x, 0, 1);
  return [x, port, bind(x, 1, 0, port)];
}

describe('event_channel_op', () => {
  it('allocates the lowest closed port until there is none', () => {
    const x = new Xen([0, 0]);
    for (let port = 1; port < PORTS; port++) expect(alloc(x, 0, 1)).toBe(port);
    expect(alloc(x, 0, 1)).toBe(ENOSPC);
    expect(onPort(x, 0, CLOSE!, 77)).toBe(0);
    expect(alloc(x, 0, 1)).toBe(77);
    expect(status(x, 0, 77)).toEqual([1, 1, 0]);
  });

  it('refuses ports for others, and what it does not know', () => {
    const x = new Xen([0, 0]);
    expect(alloc(x, 0, 1, 1)).toBe(EPERM);
    expect(alloc(x, 0, 1, 9)).toBe(ESRCH);
    for (const command of [2, 11, 99, 0xffffffff]) expect(x.op(0, EVENT, command, struct([8, 0]))).toBe(ENOSYS);
    for (const command of [CLOSE, SEND, UNMASK, BIND_VCPU]) {
      for (const port of [0, 1, PORTS, 0xffffffff]) expect(onPort(x, 0, command!, port)).toBe(EINVAL);
    }
    expect(status(x, 0, 0)).toBe(EINVAL);
    expect(status(x, 0, PORTS)).toBe(EINVAL);
    expect(status(x, 0, 5)).toEqual([0, 0, 0]);
  });

  it('answers −EFAULT to pointers that lead nowhere, and leaves no port behind', () => {
    const x = new Xen([0, 0]);
    for (const pointer of [0x200000, 0x1ffffe, 0xfffffffe, 0x80000000]) {
      for (const command of [0, 1, 3, 4, 5, 6, 7, 8, 9, 10]) {
        if (pointer === 0x1ffffe && command === RESET) continue; // two bytes are there
        expect(x.call(0, EVENT, command, pointer), `${command} at ${pointer}`).toBe(EFAULT);
      }
    }
    expect(alloc(x, 0, 1)).toBe(1);
  });

  it('binds both ends once, and only for whom the port was made', () => {
    const x = new Xen([0, 0, 0]);
    const port = alloc(x, 0, 1);
    expect(bind(x, 2, 0, port)).toBe(EINVAL);
    expect(bind(x, 1, 0, port + 1)).toBe(EINVAL);
    expect(bind(x, 1, 9, port)).toBe(ESRCH);
    const local = bind(x, 1, 0, port);
    expect(local).toBe(1);
    expect(bind(x, 1, 0, port)).toBe(EINVAL);
    expect(status(x, 0, port)).toEqual([2, 1, local]);
    expect(status(x, 1, local)).toEqual([2, 0, port]);
    // What may have been sent before there was a peer is not lost.
    expect(bitSet(x, 1, PENDING, local)).toBe(1);
  });

  it('sends, masks, unmasks, and asserts the upcall once', () => {
    const [x, a, b] = connected();
    expect(bitSet(x, 0, MASK, a)).toBe(1);
    expect(onPort(x, 1, SEND!, b)).toBe(0);
    const shared = sharedInfo(x, 0);
    expect([bitSet(x, 0, PENDING, a), shared.getUint8(0), shared.getUint32(4, true)]).toEqual([1, 0, 0]);
    expect(callback(x, 0, 0x40, 2 << 24)).toBe(0);
    expect(intr(x, 0)).toBe(0);
    expect(onPort(x, 0, UNMASK!, a)).toBe(0);
    expect([shared.getUint8(0), shared.getUint32(4, true), intr(x, 0)]).toEqual([1, 1, 1]);
    // The guest takes it back: the upcall is a level.
    shared.setUint8(0, 0);
    expect(intr(x, 0)).toBe(0);
  });

  it('closes one end: the other is unbound, and its events are dropped', () => {
    const [x, a, b] = connected();
    expect(onPort(x, 1, CLOSE!, b)).toBe(0);
    expect(status(x, 0, a)).toEqual([1, 1, 0]);
    expect(onPort(x, 0, SEND!, a)).toBe(0);
    expect(onPort(x, 1, CLOSE!, b)).toBe(EINVAL);
    expect(bitSet(x, 1, PENDING, b)).toBe(0);
    expect(bind(x, 1, 0, a)).toBe(b);
  });

  it('resets all ports', () => {
    const [x, a, b] = connected();
    expect(x.op(1, EVENT, RESET!, struct([2, 0]))).toBe(EPERM);
    expect(x.op(1, EVENT, RESET!, struct([2, SELF]))).toBe(0);
    expect(status(x, 1, b)).toEqual([0, 0, 0]);
    expect(status(x, 0, a)).toEqual([1, 1, 0]);
  });

  it('binds virtual and inter-processor interrupts of the one vCPU', () => {
    const x = new Xen([0]);
    const virq = (virq: number, vcpu = 0) => x.op(0, EVENT, BIND_VIRQ!, struct([4, virq], [4, vcpu], [4, 0]));
    expect(virq(0)).toBe(0);
    expect(virq(0)).toBe(EEXIST);
    expect(virq(1, 1)).toBe(ENOENT);
    expect(virq(24)).toBe(EINVAL);
    expect(virq(3)).toBe(EPERM); // VIRQ_DOM_EXC is the control domain's
    expect(x.op(0, EVENT, BIND_IPI!, struct([4, 1], [4, 0]))).toBe(ENOENT);
    expect(x.op(0, EVENT, BIND_IPI!, struct([4, 0], [4, 0]))).toBe(0);
    const port = x.u32(0, ARGUMENT + 4);
    expect(status(x, 0, port)).toEqual([5, 0, 0]);
    expect(onPort(x, 0, SEND!, port)).toBe(0);
    expect(bitSet(x, 0, PENDING, port)).toBe(1);
    expect(onPort(x, 0, SEND!, port - 1)).toBe(EINVAL); // a virtual interrupt is not for sending
  });

  it("across pCPUs binds at the quantum's end and queues events, one per channel", () => {
    const [x, a, b] = connected([0, 1]);
    expect(x.deferred).toBe(2); // once each: for shared_info, and with it the bind
    for (let i = 0; i < 5; i++) expect(onPort(x, 0, SEND!, a)).toBe(0);
    expect(x.guests[0]!.sends).toEqual([{ from: 0, fromPort: a, to: 1, port: b }]);
  });
});

describe('hvm_op', () => {
  it('takes the callback by vector, refuses the rest', () => {
    const x = new Xen([0, 0]);
    expect(callback(x, 0, 0x40, 2 << 24)).toBe(0);
    expect(x.op(0, 34, 1, struct([4, SELF], [4, 0], [8, 0]))).toBe(0);
    expect([x.u32(0, ARGUMENT + 8), x.u32(0, ARGUMENT + 12)]).toEqual([0x40, 2 << 24]);
    expect(callback(x, 0, 0x0f, 2 << 24)).toBe(EINVAL);
    expect(callback(x, 0, 0x100, 2 << 24)).toBe(EINVAL);
    expect(callback(x, 0, 5, 1 << 24)).toBe(EINVAL);
    expect(x.op(0, 34, 0, struct([4, SELF], [4, 1], [8, 5]))).toBe(EPERM);
    expect(x.op(0, 34, 0, struct([4, SELF], [4, 39], [8, 5]))).toBe(EINVAL);
    expect(x.op(0, 34, 0, struct([4, 1], [4, 0], [8, 0]))).toBe(EPERM);
    expect(x.op(0, 34, 0, struct([4, 7], [4, 0], [8, 0]))).toBe(ESRCH);
    expect(x.call(0, 34, 0, 0x1ffff8)).toBe(EFAULT);
    expect(x.op(0, 34, 2, struct([8, 0]))).toBe(ENOSYS);
    expect(callback(x, 0, 0, 0)).toBe(0);
  });
});

describe('sched_op and vcpu_op', () => {
  const poll = (x: Xen, ports: number[], ns = 0) => {
    x.guests[0]!.domain.writeMemory(ARGUMENT + 64, struct(...ports.map((p) => [4, p] as [4, number])));
    return x.op(0, 29, 3, struct([4, ARGUMENT + 64], [4, ports.length], [8, ns]));
  };

  it('polls: comes back for a pending port, masked or not; else waits', () => {
    const [x, a, b] = connected();
    expect([poll(x, [a]), x.verdict]).toEqual([0, BLOCK]);
    expect(x.core.read(x.guests[0]!.vcpu.base + x.core.layout.VCPU_POLL_PORT)).toBe(a);
    onPort(x, 1, SEND!, b);
    expect([poll(x, [a]), x.verdict]).toEqual([0, YIELD]);
    expect(poll(x, [0])).toBe(EINVAL);
    expect(poll(x, [PORTS])).toBe(EINVAL);
    expect(x.op(0, 29, 3, struct([4, ARGUMENT], [4, 129], [8, 0]))).toBe(EINVAL);
    expect(x.op(0, 29, 3, struct([4, 0x200000], [4, 1], [8, 0]))).toBe(EFAULT);
  });

  it('sets timers that raise VIRQ_TIMER', () => {
    const x = new Xen([0]);
    x.op(0, EVENT, BIND_VIRQ!, struct([4, 0], [4, 0], [4, 0]));
    const vcpu = (command: number, bytes: Uint8Array, id = 0) => {
      x.guests[0]!.domain.writeMemory(ARGUMENT, bytes);
      return x.call(0, 24, command, id, ARGUMENT);
    };
    const clock = x.guests[0]!.clock();
    expect(vcpu(8, struct([8, clock + 1e6], [4, 1]))).toBe(0);
    expect(bitSet(x, 0, PENDING, 1)).toBe(0);
    expect(vcpu(8, struct([8, 0], [4, 1]))).toBe(clock > 0 ? -62 : 0);
    expect(vcpu(8, struct([8, 0], [4, 0]))).toBe(0); // the past is now
    expect(bitSet(x, 0, PENDING, 1)).toBe(clock > 0 ? 1 : 0);
    expect(vcpu(6, struct([8, 999_999]))).toBe(EINVAL);
    expect(vcpu(6, struct([8, 1_000_000]))).toBe(0);
    expect(vcpu(7, struct([8, 0]))).toBe(0);
    expect(vcpu(3, struct([8, 0]))).toBe(1);
    expect(vcpu(3, struct([8, 0]), 1)).toBe(ENOENT);
    expect(vcpu(1, struct([8, 0]))).toBe(0); // it is up already
    expect(vcpu(99, struct([8, 0]))).toBe(ENOSYS);
    expect(x.call(0, 24, 8, 0, 0x200000)).toBe(EFAULT);
  });
});
