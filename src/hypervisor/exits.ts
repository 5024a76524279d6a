/**
 * What the hypervisor does about a VM exit: one table from the basic exit reason to a handler, which returns a verdict.
 * Handlers are free functions of the guest alone, so tests feed them synthetic exits. The core has counted the exit.
 * Intel SDM Vol. 3D, Appendix C, "VMX Basic Exit Reasons".
 */
import { accessApicBase, onApicAccess } from './apic.js';
import { type CpuidResult, cpuid, FEATURE_APIC, XEN_HYPERCALL_MSR } from './cpuid.js';
import { isDiskAccess, onDiskAccess } from './disk.js';
import { VIOLATION_FETCH, VIOLATION_LINEAR_VALID, VIOLATION_WRITE } from './ept.js';
import { BLOCK, DEFER, type Guest, RESUME, type Verdict } from './guest.js';
import { hypercall } from './hypercalls.js';
import { AWAITED_MARKER, AWAITED_STOPPED } from './nursery.js';
import { lastViolation } from './smm.js';
import { FORK_MARKER } from './types.js';

export type ExitHandler = (guest: Guest) => Verdict;

const EXIT_EXCEPTION = 0;
const EXIT_TRIPLE_FAULT = 2;
const EXIT_CPUID = 10;
const EXIT_HLT = 12;
const EXIT_VMCALL = 18;
const EXIT_IO = 30;
const EXIT_RDMSR = 31;
const EXIT_WRMSR = 32;
const EXIT_APIC_ACCESS = 44;
export const EXIT_EPT_VIOLATION = 48;
const EXIT_EPT_MISCONFIGURATION = 49;
/** No exit: the instruction budget is used up. */
export const EXIT_BUDGET = 0xffff;

const VECTOR_GP = 13;
const FAULT_EXIT = 2;

/** Verdicts by basic exit reason; a reason without a handler ends the domain. */
export const EXIT_HANDLERS: readonly (ExitHandler | undefined)[] = handlerTable([
  [EXIT_EXCEPTION, onException],
  [EXIT_TRIPLE_FAULT, onTripleFault],
  [EXIT_CPUID, onCpuid],
  [EXIT_HLT, onHlt],
  [EXIT_VMCALL, hypercall],
  [EXIT_IO, onIo],
  [EXIT_RDMSR, onMsr],
  [EXIT_WRMSR, onMsr],
  [EXIT_APIC_ACCESS, onApicAccess],
  [EXIT_EPT_VIOLATION, onEptViolation],
  [EXIT_EPT_MISCONFIGURATION, onEptMisconfiguration],
]);

/**
 * Whether an exit leaves the PIT, the interrupt controller and the vCPU's timers as they are: then what was known of the next
 * deadline holds. Hypercalls that move a timer say so themselves (guest.deadline).
 */
export function keepsTimers(reason: number): boolean {
  return reason === EXIT_CPUID || reason === EXIT_VMCALL;
}

/** Handles the exit with basic reason `reason` that the guest's exit record describes. */
export function handleExit(guest: Guest, reason: number): Verdict {
  const handler = EXIT_HANDLERS[reason];
  return handler === undefined ? onUnknown(guest, reason) : handler(guest);
}

function handlerTable(rows: readonly (readonly [number, ExitHandler])[]): readonly (ExitHandler | undefined)[] {
  const table: (ExitHandler | undefined)[] = new Array<ExitHandler | undefined>(80).fill(undefined);
  for (const [reason, handler] of rows) table[reason] = handler;
  return table;
}

function onUnknown(guest: Guest, reason: number): Verdict {
  return guest.end({ kind: 'unhandled-exit', reason, qualification: guest.vcpu.exitQualification });
}

const VECTOR_MC = 18;

/** The only exception that exits is the SMM's machine check: assembly/smm/violation.ts. */
function onException(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  const vector = core.read(vcpu.base + core.layout.VCPU_EXIT_INFO) & 0xff;
  const outcome = vector === VECTOR_MC ? lastViolation(core, vcpu.base, vcpu.exitLinear) : undefined;
  return outcome === undefined ? onUnknown(guest, EXIT_EXCEPTION) : guest.end(outcome);
}

function onTripleFault(guest: Guest): Verdict {
  const vector = guest.core.i32[(guest.vcpu.base + guest.core.layout.VCPU_FAULT_VECTOR) >>> 2]!;
  return guest.end({ kind: 'triple-fault', vector });
}

const cpuidResult: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 };

function onCpuid(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  const mask = vcpu.base + core.layout.VCPU_CPUID_MASK;
  // "CPUID.1:EDX[9] follows IA32_APIC_BASE[11]": SDM Vol. 3A, 10.4.3, "Enabling or Disabling the Local APIC".
  const hidden = core.read(vcpu.base + core.layout.VCPU_LAPIC_BASE) & core.layout.LAPIC_BASE_ENABLE ? 0 : FEATURE_APIC;
  cpuid(vcpu.eax, core.read(mask) & ~hidden, core.read(mask + 4), cpuidResult, guest.index);
  vcpu.eax = cpuidResult.eax;
  vcpu.ebx = cpuidResult.ebx;
  vcpu.ecx = cpuidResult.ecx;
  vcpu.edx = cpuidResult.edx;
  guest.advance();
  return RESUME;
}

// What `halt` says: assembly/vmx/halt.ts
const HALT_OVER = 0;
const HALT_WAITS = 1;
const HALT_FOREVER = 3;

function onHlt(guest: Guest): Verdict {
  const state = guest.core.call.halt(guest.vcpu.base);
  if (state === HALT_OVER) return RESUME;
  return state === HALT_WAITS ? BLOCK : guest.end({ kind: 'halted', interrupts: state === HALT_FOREVER });
}

// SDM Vol. 3C, Table 28-5, "Exit Qualification for I/O Instructions"
const IO_SIZE = 7; //        bits 2:0, size − 1
const IO_IN = 1 << 3;
const IO_PORT_SHIFT = 16;
const POST_PORT = 0x80;
const RESET_PORTS = [0xcf9, 0x92, 0x64];

function onIo(guest: Guest): Verdict {
  const { core, vcpu, domain } = guest;
  const qualification = vcpu.exitQualification;
  const size = (qualification & IO_SIZE) + 1;
  const port = qualification >>> IO_PORT_SHIFT;
  const now = guest.clock();
  core.call.pitSync(domain.base, now);
  let value = 0;
  if (qualification & IO_IN) {
    value = core.call.portRead(domain.base, port, size, now);
  } else {
    const datum = core.read(vcpu.base + core.layout.VCPU_EXIT_VALUE);
    guest.makeRoom(size);
    if (core.call.portWrite(domain.base, port, size, datum, now) !== 0) {
      return guest.end({ kind: 'reset', port: RESET_PORTS.find((p) => p >= port && p < port + size) ?? port });
    }
  }
  core.call.completeIo(vcpu.base, value);
  return port === POST_PORT && marked(guest) ? DEFER : RESUME;
}

/** Whether the guest is awaited at its marker, and has just written it: it stops, to be forked. */
function marked({ core, domain }: Guest): boolean {
  const l = core.layout;
  const awaited = domain.base + l.DOMAIN_AWAITED;
  if (core.read(awaited) !== AWAITED_MARKER || core.u8[domain.base + l.DOMAIN_PORT_80] !== FORK_MARKER) return false;
  core.write(awaited, AWAITED_STOPPED);
  return true;
}

/** MSRs that the core does not have. Xen's hypercall page is placed through one; any other is #GP(0), as on hardware. */
function onMsr(guest: Guest): Verdict {
  const { core, vcpu } = guest;
  const writes = core.read(vcpu.base + core.layout.VCPU_EXIT_REASON) === EXIT_WRMSR;
  if (writes && vcpu.ecx === XEN_HYPERCALL_MSR && placeHypercallPage(guest, vcpu.eax)) {
    guest.advance();
    return RESUME;
  }
  if (accessApicBase(guest, writes)) return RESUME;
  core.call.deliverException(vcpu.base, VECTOR_GP, 0, 0);
  // The delivery itself may exit: no IDT, or a stack that the EPT does not map.
  if (core.read(vcpu.base + core.layout.VCPU_FAULT) !== FAULT_EXIT) return RESUME;
  if (core.call.unshareFault(vcpu.base) >= 0) return RESUME; // the delivery is tried again
  return handleExit(guest, core.read(vcpu.base + core.layout.VCPU_EXIT_REASON));
}

const STUB_SIZE = 32;
const STUBS = 4096 / STUB_SIZE;

/** Fills the page with one stub per hypercall: MOV EAX, number; VMCALL; RET (Xen, xen/arch/x86/hvm/vmx). */
function placeHypercallPage(guest: Guest, address: number): boolean {
  const page = new Uint8Array(STUBS * STUB_SIZE);
  for (let i = 0; i < STUBS; i++) page.set([0xb8, i, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3], i * STUB_SIZE);
  const gpa = (address & ~0xfff) >>> 0;
  guest.domain.own(gpa);
  const host = guest.domain.hostAddress(gpa, 'write');
  if (host < 0) return false;
  guest.core.u8.set(page, host);
  guest.core.call.machineWritten(host - guest.core.read(guest.core.layout.HOST_DRAM), page.length);
  return true;
}

/** Results of unshareFault below 0. */
const NO_FRAME = -1;

function onEptViolation(guest: Guest): Verdict {
  if (isDiskAccess(guest)) return onDiskAccess(guest);
  const qualification = guest.vcpu.exitQualification;
  const copied = guest.core.call.unshareFault(guest.vcpu.base);
  if (copied >= 0 || copied === NO_FRAME) {
    if (!guest.serial) unnoticed(guest);
    if (copied >= 0) return RESUME;
    // The pool of the pCPU is empty: the host fills it at the quantum's end.
    return guest.serial ? guest.end({ kind: 'host-memory', address: guest.vcpu.exitPhysical }) : DEFER;
  }
  return guest.end({
    kind: 'ept-violation',
    address: guest.vcpu.exitPhysical,
    linear: qualification & VIOLATION_LINEAR_VALID ? guest.vcpu.exitLinear : -1,
    qualification,
    access: qualification & VIOLATION_FETCH ? 'execute' : qualification & VIOLATION_WRITE ? 'write' : 'read',
  });
}

/**
 * The exit is the hypervisor's own affair: it shared the page. The exit is counted, but its time passes for the host, not for
 * the domain, whose clock and whose timers go on as if nothing had been shared.
 */
function unnoticed(guest: Guest): void {
  const { core, vcpu } = guest;
  const l = core.layout;
  const cost = core.read(l.HOST_WEIGHTS + 4 * (l.COUNTER_EXIT + EXIT_EPT_VIOLATION));
  const at = vcpu.base + l.VCPU_COUNTERS + 8 * l.COUNTER_EXIT_CYCLES;
  core.writeU64(at, core.readU64(at) - cost);
  guest.stolen = cost;
}

function onEptMisconfiguration(guest: Guest): Verdict {
  return guest.end({
    kind: 'ept-misconfiguration',
    address: guest.vcpu.exitPhysical,
    linear: guest.vcpu.exitLinear,
  });
}
