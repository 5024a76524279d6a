/**
 * The life of a domain: memory through populate_physmap, image through Multiboot, the vCPU's first state, and the end
 * through decrease_reservation, after which no frame is missing. Called between quanta only: the frame allocator is not
 * shared between workers.
 */
import type { Core } from '../machine/core.js';
import { DomainView, HostView, type SegmentValue, VcpuView } from '../machine/views.js';
import { cpuidFeatures } from './cpuid.js';
import { DEFAULT_WEIGHT, setCap, setWeight } from './credit.js';
import { detachDisk } from './disk.js';
import { EPT_RWX } from './ept.js';
import { closeAll } from './event-channel.js';
import { releaseForeign } from './foreign.js';
import { DOMAIN_DYING, leaveParent, releaseMemory } from './fork.js';
import { frameOwner, frameType } from './frames.js';
import { releaseGrants } from './grant-table.js';
import { type BootPlan, planBoot } from './multiboot.js';
import { secondLevelEntries } from './second-level-tlb.js';
import { admit, endSecure, launchSecure, metadataFrames, populated, secureAccess } from './smm.js';
import { type DomainConfig, type EptPageSize, HostError } from './types.js';

const PAGE = 4096;
const MIN_MEMORY = 2 << 20;
export const MAX_MEMORY = 3 * 2 ** 30; // of the flat memory's 4 GiB

interface PageKind {
  readonly level: number;
  /** Frames per page. */
  readonly frames: number;
}

const PAGE_KINDS: Readonly<Record<EptPageSize, PageKind>> = {
  '4k': { level: 1, frames: 1 },
  '2m': { level: 2, frames: 512 },
  '1g': { level: 3, frames: 512 * 512 },
};

/** Throws HostError if the domain's memory cannot be laid out. */
export function checkMemory(config: DomainConfig, index: number): void {
  const bytes = config.memoryBytes;
  const unit = config.translation.kind === 'ept' ? PAGE_KINDS[config.translation.pageSize].frames * PAGE : PAGE;
  if (!Number.isInteger(bytes) || bytes < MIN_MEMORY || bytes > MAX_MEMORY || bytes % unit !== 0) {
    const rule = `a multiple of ${unit} from ${Math.max(unit, MIN_MEMORY)} to ${MAX_MEMORY}`;
    throw new HostError('domain-memory', `memory of '${config.name}' must be ${rule} bytes, not ${bytes}`, index);
  }
}

/** Frames that a domain that begins from its image, and its EPT, need. */
export function framesNeeded(config: Pick<DomainConfig, 'memoryBytes' | 'translation' | 'protection'>): number {
  const pages = config.memoryBytes / PAGE;
  const frames = pages + metadataFrames(config);
  if (config.translation.kind === 'direct') return frames;
  const tables = [1, 512, 512 * 512, 2 ** 27].slice(PAGE_KINDS[config.translation.pageSize].level);
  // Above the leaves: page tables (2 MiB each), directories (1 GiB each), one PDPT, one PML4.
  return frames + tables.reduce((sum, span) => sum + Math.ceil(pages / span), 0) + 1;
}

/** Frames of large pages and of direct memory: taken before anything else, so that alignment wastes nothing. */
export type Reservation = readonly number[];

export function reserve(core: Core, index: number, config: DomainConfig): Reservation {
  const frames = config.memoryBytes / PAGE;
  const { translation } = config;
  const count = translation.kind === 'direct' ? frames : PAGE_KINDS[translation.pageSize].frames;
  if (count === 1) return [];
  const align = translation.kind === 'direct' ? 1 : count;
  const first: number[] = [];
  for (let done = 0; done < frames; done += count) {
    const frame = core.call.frameAllocateContiguous(count, align, index, core.layout.FRAME_TYPE_GUEST) >>> 0;
    if (frame === core.layout.FRAME_NONE) throw noMemory(config, index);
    first.push(frame);
  }
  return first;
}

/** Order in which reservations are made: large pages first. */
export function reservationOrder(configs: readonly DomainConfig[]): readonly number[] {
  const size = (c: DomainConfig): number =>
    c.translation.kind === 'ept' ? PAGE_KINDS[c.translation.pageSize].frames : 2;
  return configs.map((_, i) => i).sort((a, b) => size(configs[b]!) - size(configs[a]!) || a - b);
}

function noMemory(config: DomainConfig, index: number): HostError {
  return new HostError('host-memory', `the host has too little memory for '${config.name}'`, index);
}

/** Gives the domain its memory: frames, and EPT entries of the wanted size. */
function populatePhysmap(core: Core, index: number, config: DomainConfig, reserved: Reservation): void {
  const l = core.layout;
  const d = new HostView(core).domainAddress(index);
  const { translation } = config;
  const frames = config.memoryBytes / PAGE;
  core.write(d + l.DOMAIN_MEMORY, config.memoryBytes);
  core.write(d + l.DOMAIN_PAGES, frames);
  if (translation.kind === 'direct') {
    core.write(d + l.DOMAIN_DIRECT_BASE, reserved[0]! * PAGE);
    core.write(d + l.DOMAIN_DIRECT_LIMIT, config.memoryBytes);
    populated(core, index, reserved[0]!, 0, frames, config.pin);
    return;
  }
  const eptp = core.call.eptCreate(index, translation.accessedDirty ? 1 : 0) >>> 0;
  if (eptp === 0) throw noMemory(config, index);
  core.write(d + l.DOMAIN_EPTP, eptp);
  let tables = 1;
  const kind = PAGE_KINDS[translation.pageSize];
  for (let i = 0, gpa = 0; gpa < config.memoryBytes; i++, gpa += kind.frames * PAGE) {
    const frame = kind.frames === 1 ? core.call.frameAllocate(index, l.FRAME_TYPE_GUEST) >>> 0 : reserved[i]!;
    if (frame === l.FRAME_NONE) throw noMemory(config, index);
    const made = core.call.eptMap(eptp, gpa, frame, kind.level, EPT_RWX);
    if (made < 0) throw noMemory(config, index);
    populated(core, index, frame, gpa / PAGE, kind.frames, config.pin);
    tables += made;
  }
  core.write(d + l.DOMAIN_TABLE_PAGES, tables);
}

// Access rights, SDM Vol. 3C, Table 25-2: present, type, S; D/B and G for flat segments.
const FLAT_CODE: SegmentValue = { selector: 0x08, base: 0, limit: 0xffffffff, access: 0xc09b };
const FLAT_DATA: SegmentValue = { selector: 0x10, base: 0, limit: 0xffffffff, access: 0xc093 };
const NULL_LDT: SegmentValue = { selector: 0, base: 0, limit: 0, access: 0x10082 };
const BUSY_TSS: SegmentValue = { selector: 0, base: 0, limit: 0xffff, access: 0x8b };
const CR0_PE_ET = 0x11;
const DR6_RESET = 0xffff0ff0;
const DR7_RESET = 0x400;
const FCW_INIT = 0x37f; //   as FNINIT leaves it
const MXCSR_INIT = 0x1f80;

type Start = Pick<BootPlan, 'entry' | 'magic' | 'info'>;

/** Machine state at entry: Multiboot Specification 0.6.96, 3.2, and PVH alike. IDTR is empty, so an early exception is a triple fault. */
function resetVcpu(core: Core, index: number, pcpu: number, { entry, magic, info }: Start, stlb: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const v = host.vcpuAddress(index);
  const d = host.domainAddress(index);
  core.u8.fill(0, v, v + l.VCPU_SIZE);
  const vcpu = new VcpuView(core, v);
  core.write(v + l.VCPU_PCPU, host.pcpuAddress(pcpu));
  core.write(v + l.VCPU_DOMAIN, d);
  core.write(v + l.VCPU_INDEX, index);
  core.write(v + l.VCPU_EPTP, core.read(d + l.DOMAIN_EPTP));
  core.write(v + l.VCPU_SMM, secureAccess(core, index));
  core.write(v + l.VCPU_DIRECT_BASE, core.read(d + l.DOMAIN_DIRECT_BASE));
  core.write(v + l.VCPU_DIRECT_LIMIT, core.read(d + l.DOMAIN_DIRECT_LIMIT));
  core.write(v + l.VCPU_CR0, CR0_PE_ET);
  core.write(v + l.VCPU_DR6, DR6_RESET);
  core.write(v + l.VCPU_DR7, DR7_RESET);
  core.u16[(v + l.VCPU_FPU + l.FPU_CONTROL) >>> 1] = FCW_INIT;
  core.write(v + l.VCPU_FPU + l.FPU_MXCSR, MXCSR_INIT);
  for (let i = 0; i < 6; i++) vcpu.setSegment(i, i === l.CS ? FLAT_CODE : FLAT_DATA);
  vcpu.setSegment(6, NULL_LDT);
  vcpu.setSegment(7, BUSY_TSS);
  core.write(v + l.VCPU_STLB_ENTRIES, stlb);
  core.call.tlbInit(v);
  vcpu.eflags = 0;
  vcpu.eip = entry;
  vcpu.eax = magic;
  vcpu.ebx = info;
  core.call.changeCode(v);
}

/** Empties the slot of a domain that is to be; the verdicts of the hooks, which were asked before there was one, stay. */
function beginDomain(core: Core, index: number, pcpu: number): number {
  const l = core.layout;
  const d = new HostView(core).domainAddress(index);
  const verdicts = core.u8.slice(d + l.DOMAIN_HOOKS, d + l.DOMAIN_HOOKS + 8 * l.HOOKS);
  core.u8.fill(0, d, d + l.DOMAIN_EVTCHN);
  core.u8.set(verdicts, d + l.DOMAIN_HOOKS);
  core.write(d + l.DOMAIN_ID, index);
  core.write(d + l.DOMAIN_GANG, index);
  core.write(d + l.DOMAIN_PCPU, pcpu);
  return d;
}

/** Gives the domain its vCPU and its devices: it may run. */
function completeDomain(
  core: Core,
  index: number,
  config: Pick<DomainConfig, 'apic' | 'cpuid' | 'maxInstructions'>,
  phase: number,
): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  const v = host.vcpuAddress(index);
  core.write(d + l.DOMAIN_VCPU, v);
  core.call.busReset(d);
  if (config.apic) core.call.lapicReset(v, 0, l.LAPIC_ADDRESS | l.LAPIC_BASE_BOOT | l.LAPIC_BASE_ENABLE, 1);
  const features = cpuidFeatures(config.cpuid, config.apic);
  core.write(v + l.VCPU_CPUID_MASK, features.edx);
  core.write(v + l.VCPU_CPUID_MASK + 4, features.ecx);
  core.writeU64(v + l.VCPU_TSC_BASE, phase);
  core.writeF64(v + l.VCPU_MAX_RETIRED, config.maxInstructions ?? 0);
  core.write(v + l.VCPU_RUN_STATE, l.RUN_RUNNABLE);
  core.write(d + l.DOMAIN_STATE, 1);
}

/**
 * Creates domain `index` from its configuration; its vCPU has the same index. `phase` is the TSC at its start.
 * Throws HostError; the frames taken so far are then still owned by the domain, and `destroyDomain` returns them.
 */
export function createDomain(
  core: Core,
  index: number,
  config: DomainConfig,
  pcpu: number,
  phase: number,
  reserved: Reservation,
): void {
  const l = core.layout;
  const commandLine = config.cmdline === '' ? config.imageName : `${config.imageName} ${config.cmdline}`;
  const plan = planBoot(config.image, config.memoryBytes, commandLine, config.modules ?? []);
  const d = beginDomain(core, index, pcpu);
  setWeight(core, index, config.weight ?? DEFAULT_WEIGHT);
  setCap(core, index, config.cap ?? 0);
  core.write(d + l.DOMAIN_PRIVILEGED, config.privileged ? 1 : 0);
  launchSecure(core, index, config);
  populatePhysmap(core, index, config, reserved);
  const domain = new DomainView(core, d);
  for (const { address, length } of plan.clear) domain.clearMemory(address, length);
  for (const { address, bytes } of plan.placements) domain.writeMemory(address, bytes);
  resetVcpu(core, index, pcpu, plan, secondLevelEntries(config));
  completeDomain(core, index, config, phase);
  const input = Buffer.from(config.input ?? '', 'latin1');
  if (domain.feedInput(input) < input.length) {
    throw new HostError('domain-input', `input of '${config.name}' exceeds ${l.DOMAIN_INPUT_SIZE} bytes`, index);
  }
}

/**
 * Creates domain `index` with no memory at all, paused once, its vCPU in flat 32-bit protected mode at 0: what a toolstack in
 * guest code begins with. False: no frame is left for its EPT.
 */
export function createEmptyDomain(core: Core, index: number, pcpu: number): boolean {
  const l = core.layout;
  const eptp = core.call.eptCreate(index, 1) >>> 0;
  if (eptp === 0) return false;
  const d = beginDomain(core, index, pcpu);
  core.write(d + l.DOMAIN_EPTP, eptp);
  core.write(d + l.DOMAIN_TABLE_PAGES, 1);
  resetVcpu(core, index, pcpu, { entry: 0, magic: 0, info: 0 }, 0); // how much memory it will get is not known
  admit(core, index);
  completeDomain(core, index, {}, 0);
  core.write(d + l.DOMAIN_PAUSED, 1);
  return true;
}

/**
 * Ends a domain in whatever state it is: closes its channels, gives back and takes back what was shared, returns every frame
 * that it owns, EPT tables included, and frees its slot.
 */
export function destroyDomain(core: Core, index: number): void {
  const l = core.layout;
  const host = new HostView(core);
  const d = host.domainAddress(index);
  const domain = new DomainView(core, d);
  const eptp = domain.eptp;
  const parent = core.read(d + l.DOMAIN_PARENT) - 1;
  if (core.read(d + l.DOMAIN_STATE) !== DOMAIN_DYING) {
    closeAll(core, index);
    releaseGrants(core, index);
    releaseForeign(core, index);
  }
  if (domain.vcpu !== 0) core.write(domain.vcpu + l.VCPU_RUN_STATE, l.RUN_NONE);
  if (core.read(d + l.DOMAIN_FORKS) > 0) {
    core.write(d + l.DOMAIN_STATE, DOMAIN_DYING); // its forks need its memory
    return;
  }
  if (eptp === 0) {
    const first = domain.directBase / PAGE;
    for (let i = domain.pages - 1; i >= 0; i--) core.call.frameFree(first + i);
  } else {
    releaseMemory(core, index);
  }
  detachDisk(core, index);
  endSecure(core, index);
  reclaimStrays(core, index);
  // Ports, mappings and grants are empty by now, all but the frames that active entries remember.
  core.u8.fill(0, d, core.read(d + l.DOMAIN_GRANT_FRAMES) > 0 ? d + l.DOMAIN_SIZE : d + l.DOMAIN_EVTCHN);
  if (parent >= 0 && leaveParent(core, parent)) destroyDomain(core, parent);
}

/** Frees what the domain owns and its EPT does not tell of any more: a privileged domain, or a device, may have written the tables. */
function reclaimStrays(core: Core, index: number): void {
  const l = core.layout;
  if (core.read(l.HOST_FOREIGN_USED) + core.read(l.HOST_DMA_MACHINE) === 0) return;
  const frames = core.read(l.HOST_FRAMES);
  for (let frame = 0; frame < frames; frame++) {
    if (frameOwner(core, frame) === index && frameType(core, frame) !== l.FRAME_TYPE_FREE) core.call.frameFree(frame);
  }
}
