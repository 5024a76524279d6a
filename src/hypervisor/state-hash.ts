/**
 * A digest of what a guest can see of itself: architectural registers and all of its memory, by guest-physical address.
 * Machine addresses, TLBs and counters have no part in it, so it is the same wherever the domain ran.
 */
import { createHash } from 'node:crypto';
import type { Core } from '../machine/core.js';
import { DomainView, VcpuView } from '../machine/views.js';

/** SHA-256 in hexadecimal. Pages that hold only zeros are left out, the others are preceded by their number. */
export function stateHash(core: Core, vcpuAddress: number): string {
  const l = core.layout;
  const hash = createHash('sha256');
  const vcpu = new VcpuView(core, vcpuAddress);
  const words: number[] = [vcpu.eax, vcpu.ecx, vcpu.edx, vcpu.ebx, vcpu.esp, vcpu.ebp, vcpu.esi, vcpu.edi];
  words.push(vcpu.eip, vcpu.eflags, vcpu.cpl);
  for (let i = 0; i < 8; i++) {
    const s = vcpu.segment(i);
    words.push(s.selector, s.base, s.limit, s.access);
  }
  const registers = [l.VCPU_GDTR_BASE, l.VCPU_GDTR_LIMIT, l.VCPU_IDTR_BASE, l.VCPU_IDTR_LIMIT];
  registers.push(l.VCPU_CR0, l.VCPU_CR2, l.VCPU_CR3, l.VCPU_CR4, l.VCPU_DR6, l.VCPU_DR7);
  for (let i = 0; i < 4; i++) registers.push(l.VCPU_DR0 + 4 * i);
  registers.push(l.VCPU_SYSENTER_CS, l.VCPU_SYSENTER_ESP, l.VCPU_SYSENTER_EIP, l.VCPU_PAT, l.VCPU_PAT + 4);
  for (const offset of registers) words.push(core.read(vcpuAddress + offset));
  hash.update(littleEndian(words));
  // x87, MMX and SSE state lies in the order of FXSAVE; behind it is scratch.
  const fpu = vcpuAddress + l.VCPU_FPU;
  hash.update(core.u8.subarray(fpu, fpu + l.FPU_SCRATCH));

  const domain = new DomainView(core, vcpu.domain);
  for (let gpa = 0; gpa < domain.memory; gpa += l.PAGE_SIZE) {
    const host = domain.hostAddress(gpa);
    if (host < 0 || core.call.isZero(host, l.PAGE_SIZE)) continue;
    hash.update(littleEndian([gpa]));
    hash.update(core.u8.subarray(host, host + l.PAGE_SIZE));
  }
  return hash.digest('hex');
}

function littleEndian(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
  return bytes;
}
