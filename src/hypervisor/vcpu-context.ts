/**
 * The registers of another domain's vCPU, as domctl gives and takes them: struct vcpu_guest_context of a 32-bit guest,
 * xen/include/public/arch-x86/xen.h and xen-x86_32.h. As Xen does for HVM guests: the hidden parts of segments and the control
 * registers are told but not taken; what describes a paravirtual guest (trap_ctxt, ldt, gdt, callbacks) is zero and ignored.
 *
 *      0 fpu_ctxt (FXSAVE image)   512 flags   516 user_regs   584 trap_ctxt[256] …   2716 ctrlreg[8]   2748 debugreg[8] … 2800
 */
import { VcpuView } from '../machine/views.js';
import { cpuTime } from './domain-info.js';
import { EFAULT, EINVAL } from './errno.js';
import type { Guest } from './guest.js';
import { ready } from './pause.js';
import { domainOf } from './physmap.js';

const FLAGS = 512;
const USER_REGS = 516;
const ZEROS_FROM = 584;
const CTRLREG = 2716;
const DEBUGREG = 2748;
const CONTEXT_SIZE = 2800;

// struct cpu_user_regs
const EBX = 0;
const ECX = 4;
const EDX = 8;
const ESI = 12;
const EDI = 16;
const EBP = 20;
const EAX = 24;
const EIP = 32;
const CS = 36;
const EFLAGS = 40;
const ESP = 44;
const USER_REGS_SIZE = 68;
/** Offsets of the selectors in the order of the processor's segment numbers: ES CS SS DS FS GS. */
const SELECTORS = [52, CS, 48, 56, 60, 64] as const;

const VGCF_I387_VALID = 1 << 0;
const VGCF_IN_KERNEL = 1 << 2;
const VGCF_ONLINE = 1 << 5;

// FXSAVE image: SDM Vol. 1, Table 10-2
const FXSAVE_SIZE = 512;
const FXSAVE_HEADER = 32;
const FXSAVE_USED = 288;
const REGISTER = 16;
const MXCSR_MASK = 0xffff;
const CONTROL_MASK = 0x1f7f;

const EFLAGS_VM = 1 << 17;
/** DR4 and DR5 are not there. */
const DEBUG_REGISTERS = [0, 1, 2, 3, 6, 7] as const;

/** Scratch offsets; the argument of domctl takes the first 144 bytes. */
const VCPU = 16;
const POINTER = 24;
const AT = 256;
const PIECE = 512;

/** {u32 vcpu; u64 ctxt}: the address of the context, or a negative error. */
function contextAddress({ scratch }: Guest): number {
  if (scratch.getUint32(VCPU, true) !== 0) return -EINVAL;
  const address = scratch.getUint32(POINTER, true);
  return scratch.getUint32(POINTER + 4, true) !== 0 ? -EFAULT : address;
}

function vcpuOf({ core, host }: Guest, index: number): VcpuView {
  return new VcpuView(core, host.vcpuAddress(index));
}

function debugRegister({ core }: Guest, v: number, n: number): number {
  return v + (n < 4 ? core.layout.VCPU_DR0 + 4 * n : n === 6 ? core.layout.VCPU_DR6 : core.layout.VCPU_DR7);
}

export function getVcpuContext(guest: Guest, index: number): number {
  const { core, scratch } = guest;
  const l = core.layout;
  const to = contextAddress(guest);
  if (to < 0) return to;
  const vcpu = vcpuOf(guest, index);
  const word = (at: number, value: number): void => scratch.setUint32(AT + at, value, true);
  // Piece by piece: the scratch area is smaller than the structure.
  putFpu(guest, vcpu.base);
  if (!guest.put(to, FXSAVE_SIZE, AT)) return -EFAULT;
  zero(guest);
  word(0, VGCF_I387_VALID | VGCF_ONLINE | (vcpu.cpl === 3 ? 0 : VGCF_IN_KERNEL));
  const registers = { [EBX]: vcpu.ebx, [ECX]: vcpu.ecx, [EDX]: vcpu.edx, [ESI]: vcpu.esi, [EDI]: vcpu.edi };
  Object.assign(registers, {
    [EBP]: vcpu.ebp,
    [EAX]: vcpu.eax,
    [EIP]: vcpu.eip,
    [EFLAGS]: vcpu.eflags,
    [ESP]: vcpu.esp,
  });
  for (const [at, value] of Object.entries(registers)) word(USER_REGS - FLAGS + Number(at), value);
  for (const [i, at] of SELECTORS.entries()) word(USER_REGS - FLAGS + at, vcpu.segment(i).selector);
  if (!guest.put(to + FLAGS, ZEROS_FROM - FLAGS, AT)) return -EFAULT;
  zero(guest);
  for (let at = ZEROS_FROM; at < CTRLREG; at += PIECE) {
    if (!guest.put(to + at, Math.min(PIECE, CTRLREG - at), AT)) return -EFAULT;
  }
  for (const [n, at] of [
    [0, l.VCPU_CR0],
    [2, l.VCPU_CR2],
    [3, l.VCPU_CR3],
    [4, l.VCPU_CR4],
  ] as const) {
    word(4 * n, core.read(vcpu.base + at));
  }
  for (const n of DEBUG_REGISTERS) word(DEBUGREG - CTRLREG + 4 * n, core.read(debugRegister(guest, vcpu.base, n)));
  return guest.put(to + CTRLREG, CONTEXT_SIZE - CTRLREG, AT) ? 0 : -EFAULT;
}

/** The vCPU goes on from this context; a hypercall that waits for the quantum's end has not happened. */
export function setVcpuContext(guest: Guest, index: number): number {
  const { core, scratch } = guest;
  const l = core.layout;
  const from = contextAddress(guest);
  if (from < 0) return from;
  // Everything is read before anything changes.
  if (!guest.fetch(from, FXSAVE_SIZE, AT)) return -EFAULT;
  if (!guest.fetch((from + FLAGS) >>> 0, 4 + USER_REGS_SIZE, AT + FXSAVE_SIZE)) return -EFAULT;
  if (!guest.fetch((from + DEBUGREG) >>> 0, 32, AT + FXSAVE_SIZE + 96)) return -EFAULT;
  const vcpu = vcpuOf(guest, index);
  const v = vcpu.base;
  const word = (at: number): number => scratch.getUint32(AT + FXSAVE_SIZE + at, true);
  if (word(0) & VGCF_I387_VALID) takeFpu(guest, v);
  const register = (at: number): number => word(4 + at);
  vcpu.ebx = register(EBX);
  vcpu.ecx = register(ECX);
  vcpu.edx = register(EDX);
  vcpu.esi = register(ESI);
  vcpu.edi = register(EDI);
  vcpu.ebp = register(EBP);
  vcpu.eax = register(EAX);
  vcpu.esp = register(ESP);
  vcpu.eip = register(EIP);
  // The mode does not change: virtual-8086 code stays what it is, and other code does not become it.
  vcpu.eflags = ((register(EFLAGS) & ~EFLAGS_VM) | (vcpu.eflags & EFLAGS_VM)) >>> 0;
  for (const [i, at] of SELECTORS.entries())
    vcpu.setSegment(i, { ...vcpu.segment(i), selector: register(at) & 0xffff });
  for (const n of DEBUG_REGISTERS) core.write(debugRegister(guest, v, n), word(96 + 4 * n));
  core.call.armBreakpoints(v);
  core.call.changeCode(v);
  core.call.flushAll(v);
  if (core.read(v + l.VCPU_RUN_STATE) === l.RUN_DEFERRED) {
    core.write(v + l.VCPU_RUN_STATE, l.RUN_RUNNABLE);
    ready(core, index);
  }
  return 0;
}

function zero({ scratch }: Guest): void {
  for (let at = 0; at < PIECE; at += 4) scratch.setUint32(AT + at, 0, true);
}

/** The x87 registers lie by their physical numbers in the machine, from the top of the stack on in the image. */
function stackOffset(top: number, i: number): number {
  return FXSAVE_HEADER + REGISTER * ((top + i) & 7);
}

function putFpu(guest: Guest, v: number): void {
  const { core, scratch } = guest;
  const l = core.layout;
  const fpu = v + l.VCPU_FPU;
  zero(guest);
  for (let at = 0; at < FXSAVE_USED; at++) scratch.setUint8(AT + at, core.u8[fpu + at]!);
  scratch.setUint32(AT + 28, MXCSR_MASK, true);
  const top = (core.u16[(fpu + l.FPU_STATUS) >>> 1]! >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    for (let k = 0; k < REGISTER; k++) {
      scratch.setUint8(AT + FXSAVE_HEADER + REGISTER * i + k, core.u8[fpu + stackOffset(top, i) + k]!);
    }
  }
}

function takeFpu({ core, scratch }: Guest, v: number): void {
  const l = core.layout;
  const fpu = v + l.VCPU_FPU;
  for (let at = 0; at < FXSAVE_USED; at++) core.u8[fpu + at] = scratch.getUint8(AT + at);
  core.u16[(fpu + l.FPU_CONTROL) >>> 1] = (scratch.getUint16(AT, true) & CONTROL_MASK) | 0x40;
  core.write(fpu + l.FPU_MXCSR, scratch.getUint32(AT + l.FPU_MXCSR, true) & MXCSR_MASK);
  const top = (scratch.getUint16(AT + l.FPU_STATUS, true) >>> 11) & 7;
  for (let i = 0; i < 8; i++) {
    for (let k = 0; k < REGISTER; k++) {
      core.u8[fpu + stackOffset(top, i) + k] = scratch.getUint8(AT + FXSAVE_HEADER + REGISTER * i + k);
    }
  }
}

/** {u32 vcpu; OUT u8 online, blocked, running; u64 cpu_time; u32 cpu}. */
export function getVcpuInfo(guest: Guest, index: number): number {
  const { core, scratch } = guest;
  const l = core.layout;
  if (scratch.getUint32(VCPU, true) !== 0) return -EINVAL;
  const domain = domainOf(core, index);
  const state = core.read(domain.vcpu + l.VCPU_RUN_STATE);
  for (let at = VCPU + 4; at < VCPU + 24; at += 4) scratch.setUint32(at, 0, true);
  scratch.setUint8(VCPU + 4, 1);
  scratch.setUint8(VCPU + 5, state === l.RUN_BLOCKED ? 1 : 0);
  scratch.setUint8(VCPU + 6, state === l.RUN_BLOCKED ? 0 : 1);
  const time = cpuTime(guest, index);
  scratch.setUint32(VCPU + 8, time % 2 ** 32, true);
  scratch.setUint32(VCPU + 12, Math.floor(time / 2 ** 32), true);
  scratch.setUint32(VCPU + 16, core.read(domain.base + l.DOMAIN_PCPU), true);
  return 0;
}
