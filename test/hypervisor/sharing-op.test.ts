/** XENMEM_sharing_op from a control domain's side; structures from xen/include/public/memory.h and domctl.h. */
import { describe, expect, it } from 'vitest';
import { ARGUMENT, SELF, struct, Xen } from './xen.js';

const MEMORY_OP = 12;
const DOMCTL = 36;
const SHARING_OP = 22;
const FORK = 9;
const RESET = 10;
const RESET_BOTH = 12;
const BUDGET = 0xffff; // EXIT_BUDGET
const VM0 = 0;
const PARENT = 1;
const OTHER = 2;

const machine = (rules: ConstructorParameters<typeof Xen>[1] = []) => new Xen([0, 0, 1], rules, [VM0], 3);

function sharing(x: Xen, caller: number, op: number, domain: number, parent = 0, flags = 0, pad = 0): number {
  const bytes = struct(
    [1, op],
    [1, 0],
    [2, domain],
    [4, 0],
    [2, parent],
    [2, flags],
    [4, pad],
    [8, 0],
    [8, 0],
    [8, 0],
    [8, 0],
  );
  return x.op(caller, MEMORY_OP, SHARING_OP, bytes);
}

/** XEN_DOMCTL_createdomain with HVM and HAP: empty and paused. */
function create(x: Xen): number {
  x.guests[VM0]!.domain.writeMemory(ARGUMENT, new Uint8Array(144));
  x.guests[VM0]!.domain.writeMemory(ARGUMENT, struct([4, 1], [4, 0x15], [4, 0], [4, 0]));
  const config = struct([4, 0], [8, 0], [8, 0], [4, 3] /* HVM, HAP */, [4, 0], [4, 1], [4, 1], [4, 4], [4, 4]);
  x.guests[VM0]!.domain.writeMemory(ARGUMENT + 16, config);
  const result = x.call(VM0, DOMCTL, ARGUMENT);
  if (result !== 0) throw new Error(`createdomain: ${result}`);
  return x.u32(VM0, ARGUMENT + 8) & 0xffff;
}

describe('XENMEM_sharing_op', () => {
  it('forks a domain into an empty, paused one, and resets it', () => {
    const x = machine();
    const { core, host } = x;
    const l = core.layout;
    x.guests[PARENT]!.domain.writeMemory(0x150000, Uint8Array.of(1, 2, 3));
    const child = create(x);
    expect(sharing(x, VM0, FORK, child, PARENT)).toBe(0);
    const [fork, parent] = [host.domain(child), host.domain(PARENT)];
    expect(core.read(fork.base + l.DOMAIN_PAUSED)).toBe(1);
    expect(core.read(parent.base + l.DOMAIN_PAUSED)).toBe(1);
    expect([...fork.readMemory(0x150000, 3)]).toEqual([1, 2, 3]);
    core.call.poolFill(core.read(fork.vcpu + l.VCPU_PCPU), 8);
    fork.writeMemory(0x150001, Uint8Array.of(9));
    expect([...fork.readMemory(0x150000, 3)]).toEqual([1, 9, 3]);
    expect([...parent.readMemory(0x150000, 3)]).toEqual([1, 2, 3]);
    expect(sharing(x, VM0, RESET, child, 0, RESET_BOTH)).toBe(0);
    expect([...fork.readMemory(0x150000, 3)]).toEqual([1, 2, 3]);
    expect(core.read(fork.base + l.DOMAIN_PAUSED)).toBe(1);
    // Domctl destroydomain; the parent goes on.
    x.guests[VM0]!.domain.writeMemory(ARGUMENT, struct([4, 2], [4, 0x15], [4, child], [4, 0]));
    expect(x.call(VM0, DOMCTL, ARGUMENT)).toBe(0);
    expect(core.read(parent.base + l.DOMAIN_PAUSED)).toBe(0);
    for (let i = 0; i < host.pcpus; i++) core.call.poolDrain(host.pcpuAddress(i));
  });

  it('refuses what the header says, and leaves no state', () => {
    const x = machine();
    const child = create(x);
    const free = x.host.freeFrames;
    expect(sharing(x, PARENT, FORK, child, OTHER)).toBe(-1); // not privileged
    expect(sharing(x, VM0, FORK, VM0, PARENT)).toBe(-1); // oneself
    expect(sharing(x, VM0, FORK, 5, PARENT)).toBe(-3); // no such domain
    expect(sharing(x, VM0, FORK, 0xffff, PARENT)).toBe(-3);
    expect(sharing(x, VM0, FORK, SELF, PARENT)).toBe(-3);
    expect(sharing(x, VM0, FORK, child, 5)).toBe(-3);
    expect(sharing(x, VM0, FORK, child, VM0)).toBe(-1);
    expect(sharing(x, VM0, FORK, child, PARENT, 4)).toBe(-22); // unknown flag
    expect(sharing(x, VM0, FORK, child, PARENT, 0, 1)).toBe(-22); // pad
    expect(sharing(x, VM0, FORK, OTHER, PARENT)).toBe(-16); // neither empty nor paused
    expect(sharing(x, VM0, RESET, child, 0, RESET_BOTH)).toBe(-38); // no fork
    expect(sharing(x, VM0, RESET, child, 0, 0)).toBe(-22);
    expect(sharing(x, VM0, RESET, child, 0, 16)).toBe(-22);
    expect(sharing(x, VM0, 2, child, PARENT)).toBe(-38); // share
    expect(x.call(VM0, MEMORY_OP, SHARING_OP, 0xfffff000)).toBe(-14);
    expect(x.host.freeFrames).toBe(free);
    expect(x.core.read(x.host.domainAddress(PARENT) + x.core.layout.DOMAIN_FORKS)).toBe(0);
  });

  it('makes forks that are never interrupted, and stay so when they are reset', () => {
    const x = machine();
    const { core, host } = x;
    const l = core.layout;
    const CODE = 0x150000;
    const parent = host.vcpuAddress(PARENT);
    x.guests[PARENT]!.domain.writeMemory(CODE, Uint8Array.of(0xfb, 0x90, 0xeb, 0xfe)); // STI; NOP; JMP $
    core.write(parent + l.VCPU_EIP, CODE);
    const [blocked, open] = [create(x), create(x)];
    expect(sharing(x, VM0, FORK, blocked, PARENT, 2)).toBe(0);
    expect(sharing(x, VM0, FORK, open, PARENT)).toBe(0);
    /** Whether an interrupt that is asserted is taken: there is no IDT, so that ends in a triple fault. */
    const interrupted = (domain: number) => {
      const v = host.vcpuAddress(domain);
      expect(core.call.run(v, 1)).toBe(BUDGET);
      core.write(v + l.VCPU_INTR, 1); // INTR_PIC
      return core.call.run(v, 4) !== BUDGET;
    };
    expect([interrupted(open), interrupted(blocked)]).toEqual([true, false]);
    expect(core.read(host.vcpuAddress(blocked) + l.VCPU_EIP)).toBe(CODE + 2);
    expect(sharing(x, VM0, RESET, blocked, 0, RESET_BOTH)).toBe(0);
    expect(core.read(host.vcpuAddress(blocked) + l.VCPU_EIP)).toBe(CODE);
    expect(interrupted(blocked)).toBe(false);
    for (let i = 0; i < host.pcpus; i++) core.call.poolDrain(host.pcpuAddress(i));
  });

  it('asks the hooks', () => {
    const x = machine([{ operation: 'create', subject: 'd0', object: 'd1', verdict: 'deny' }]);
    const child = create(x);
    expect(sharing(x, VM0, FORK, child, PARENT)).toBe(-1);
    expect(sharing(x, VM0, FORK, child, OTHER)).toBe(0);
  });
});
