/**
 * What the hypervisor has to do with secure memory: it is told nothing of keys but where to put them, and it calls the first
 * of the source's three hooks (populate_physmap; context_switch and decrease_reservation are the core's: contextSwitch, frameFree).
 *
 *   root key (from the TPM) ─HMAC-SHA-256─▶ master key of a domain ─AES on chip─▶ page, tweak, MAC and tree key
 *
 * The structures are in assembly/smm, the story in docs/smm.md.
 */
import { createHash, createHmac } from 'node:crypto';
import type { Core } from '../machine/core.js';
import type { Layout } from '../machine/layout.js';
import { HostView } from '../machine/views.js';
import {
  type DomainConfig,
  type HostConfig,
  HostError,
  type Outcome,
  type PinnedRange,
  type Protection,
  type SmmBackend,
  type SmmConfig,
  type SmmCounts,
} from './types.js';

const PAGE = 4096;
const ALL_RIGHTS = 7;
const NODE = 8; // words of a tree node
const KEY_BYTES = 32;
/** Slots that a buffer must have: SMM_SLOTS_MIN. */
export const SLOTS_MIN = 32;
/** Pages in one call of OpenSSL: npm run bench -- smm. */
const HOST_BATCH = 32;

type ModeName = 'XTS' | 'CTR' | 'MAC' | 'TREE' | 'FIXED' | 'EXPOSED';

const MODES: Readonly<Record<Protection, readonly ModeName[]>> = {
  none: [],
  xts: ['XTS'],
  'xts+mac': ['XTS', 'MAC'],
  ctr: ['CTR'],
  'ctr+mac': ['CTR', 'MAC'],
  'ctr+mac+tree': ['CTR', 'MAC', 'TREE'],
  'ctr-fixed': ['CTR', 'FIXED'],
  'ctr-exposed': ['CTR', 'EXPOSED'],
};

export const PROTECTIONS = Object.keys(MODES) as readonly Protection[];

/** A unit as scenarios get it that say nothing about it. */
export const DEFAULT_SMM: Required<Omit<SmmConfig, 'root' | 'unnotified'>> = {
  slots: 1024,
  policy: 'keep',
  keyBits: 128,
  deny: 'ciphertext',
  grants: 'owner-key',
  backend: 'wasm',
  counters: 2 ** 48,
};

export function isProtected(config: Pick<DomainConfig, 'protection'>): boolean {
  return (config.protection ?? 'none') !== 'none';
}

/** What decides whether a host has an SMM, and what it is like. */
interface SmmHost {
  readonly smm?: SmmConfig | undefined;
  readonly domains: readonly Pick<DomainConfig, 'protection'>[];
}

export function hasSmm({ smm, domains }: SmmHost): boolean {
  return smm !== undefined || domains.some(isProtected);
}

/** Slots of each pCPU's buffer; 0: the host has no SMM. */
export function smmSlots(config: SmmHost): number {
  return hasSmm(config) ? (config.smm?.slots ?? DEFAULT_SMM.slots) : 0;
}

/** Who encrypts. */
export function smmBackend(config: Pick<SmmHost, 'smm'>): SmmBackend {
  return config.smm?.backend ?? DEFAULT_SMM.backend;
}

/** Pages that OpenSSL encrypts in one call; 0: the machine encrypts them. */
export function smmBatch(config: Pick<SmmHost, 'smm'>): number {
  return smmBackend(config) === 'host' ? HOST_BATCH : 0;
}

/** SMM_MODE_* of a protection. */
function modeBits(l: Layout, protection: Protection): number {
  return MODES[protection].reduce((bits, name) => bits | l[`SMM_MODE_${name}`], 0);
}

/** Frames of DRAM for counters, MACs and tree of a domain: assembly/smm/tree.ts, `treeBytes`. */
export function metadataFrames(config: Pick<DomainConfig, 'protection' | 'memoryBytes'>): number {
  const names = MODES[config.protection ?? 'none'];
  if (!names.includes('CTR') && !names.includes('MAC')) return 0;
  const padded = (words: number): number => Math.ceil(words / NODE) * NODE;
  let words = padded(config.memoryBytes / PAGE);
  let bytes = 16 * words;
  if (names.includes('TREE')) {
    for (words /= NODE; words > 1; words = padded(words) / NODE) bytes += 8 * padded(words);
  }
  return Math.ceil(bytes / PAGE) + (names.includes('EXPOSED') ? 1 : 0);
}

/** Writes the host's policy. Called once, when the host is laid out. */
export function initSmm(core: Core, config: HostConfig): void {
  const l = core.layout;
  core.write(l.HOST_KEEP_RESIDUE, (config.scrub ?? true) ? 0 : 1);
  if (core.read(l.HOST_SMM_SLOTS) === 0) return;
  const smm = { ...DEFAULT_SMM, ...config.smm };
  core.write(l.HOST_SMM_POLICY, smm.policy === 'flush' ? l.SMM_POLICY_FLUSH : l.SMM_POLICY_KEEP);
  core.write(l.HOST_SMM_DENY, smm.deny === 'fault' ? l.SMM_DENY_FAULT : l.SMM_DENY_CIPHERTEXT);
  core.write(l.HOST_SMM_GRANTS, smm.grants === 'plaintext' ? l.SMM_GRANTS_PLAINTEXT : l.SMM_GRANTS_OWNER_KEY);
  core.write(l.HOST_SMM_KEY_BITS, smm.keyBits);
  core.writeU64(l.HOST_SMM_COUNTERS, smm.counters);
  core.u8.set(config.smm?.root ?? defaultRoot(config.seed), l.HOST_SMM_ROOT);
}

/** Without a TPM the root key comes from the seed alone. */
function defaultRoot(seed: number): Uint8Array {
  return createHash('sha256').update(`ringfence smm root\0${seed}`).digest();
}

/** Key-table entry of a domain; the host has an SMM. */
export function keyEntry(core: Core, index: number): number {
  return core.read(core.layout.HOST_SMM_KEYS) + index * core.layout.SMM_KEY_SIZE;
}

/** Whether a domain's memory is protected. */
export function isSecure(core: Core, index: number): boolean {
  const l = core.layout;
  return core.read(l.HOST_SMM_SLOTS) !== 0 && core.read(keyEntry(core, index) + l.SMM_KEY_MODE) !== 0;
}

/** A domain without protection begins: an empty entry in the key table, and its vCPU is held to the permission table. */
export function admit(core: Core, index: number): void {
  const l = core.layout;
  if (core.read(l.HOST_SMM_SLOTS) === 0) return;
  core.call.smmKeyEntry(index);
  core.write(new HostView(core).vcpuAddress(index) + l.VCPU_SMM, secureAccess(core, index));
}

/**
 * A domain begins: its entry in the key table, and for a protected one its key and the frames for its counters and MACs. Its
 * memory is populated afterwards. Throws HostError.
 */
export function launchSecure(core: Core, index: number, config: DomainConfig): void {
  const l = core.layout;
  if (core.read(l.HOST_SMM_SLOTS) === 0) {
    if (isProtected(config)) throw new HostError('smm', `'${config.name}' is protected; the host has no SMM`, index);
    return;
  }
  const key = core.call.smmKeyEntry(index) >>> 0;
  if (!isProtected(config)) return;
  const pages = config.memoryBytes / PAGE;
  const mode = modeBits(l, config.protection ?? 'none');
  const bytes = core.call.smmMetadataBytes(pages, mode) >>> 0;
  if (bytes > 0) {
    const count = Math.ceil(bytes / PAGE);
    const first = core.call.frameAllocateContiguous(count, 1, index, l.FRAME_TYPE_SMM) >>> 0;
    if (first === l.FRAME_NONE) {
      throw new HostError('host-memory', `the host has too little memory for the counters of '${config.name}'`, index);
    }
    const exposed = mode & l.SMM_MODE_EXPOSED ? PAGE : 0;
    core.write(key + l.SMM_KEY_META, new HostView(core).frameAddress(first) + exposed);
  }
  core.write(key + l.SMM_KEY_PAGES, pages);
  core.write(key + l.SMM_KEY_MODE, mode);
  core.u8.set(masterKey(core, config), key + l.SMM_KEY_MASTER);
  core.call.smmKeyReady(index);
}

/** The key of one launch of a domain: one that is started again gets another, and so does one whose image is another. */
function masterKey(core: Core, { name, image }: DomainConfig): Uint8Array {
  const l = core.layout;
  const launch = core.read(l.HOST_SMM_LAUNCHES);
  core.write(l.HOST_SMM_LAUNCHES, launch + 1);
  const root = core.u8.slice(l.HOST_SMM_ROOT, l.HOST_SMM_ROOT + KEY_BYTES);
  const measurement = createHash('sha256').update(image).digest();
  return createHmac('sha256', root).update(`domain\0${launch}\0${name}\0`).update(measurement).digest();
}

/** Hook of populate_physmap: `count` frames from `first` on become pages `gfn` … of the domain. */
export function populated(
  core: Core,
  index: number,
  first: number,
  gfn: number,
  count = 1,
  pin: readonly PinnedRange[] = [],
): void {
  if (!isSecure(core, index)) return;
  const { SMM_PIN } = core.layout;
  const pinned = (at: number): boolean => pin.some(({ from, bytes }) => at >= from && at < from + bytes);
  for (let i = 0; i < count; i++) {
    const rights = pinned((gfn + i) * PAGE) ? ALL_RIGHTS | SMM_PIN : ALL_RIGHTS;
    core.call.smmPopulate(index, first + i, gfn + i, rights);
  }
}

/** Pages that may be pinned in a buffer of so many slots: the others must be room enough. */
export function mostPinned(slots: number): number {
  return slots - SLOTS_MIN;
}

/** Pages that the domains pin. All may come to share a pCPU, because domains that share pages do. */
export function pinnedPages(domains: readonly Pick<DomainConfig, 'pin' | 'protection'>[]): number {
  const ranges = domains.filter(isProtected).flatMap(({ pin = [] }) => pin);
  return ranges.reduce((sum, { bytes }) => sum + bytes / PAGE, 0);
}

/**
 * What VCPU_SMM of a domain's vCPUs says: its key-table entry, or 0 if their accesses do not pass the SMM. Those of the
 * privileged domain do not, where it gets protected memory as DRAM holds it.
 */
export function secureAccess(core: Core, index: number): number {
  const l = core.layout;
  if (core.read(l.HOST_SMM_SLOTS) === 0) return 0;
  const key = keyEntry(core, index);
  const privileged = core.read(new HostView(core).domainAddress(index) + l.DOMAIN_PRIVILEGED) !== 0;
  if (privileged && core.read(l.HOST_SMM_DENY) === l.SMM_DENY_CIPHERTEXT && core.read(key + l.SMM_KEY_MODE) === 0)
    return 0;
  return key;
}

/** From now on the unit is not told when the domain is switched in: SmmConfig.unnotified. */
export function concealSwitches(core: Core, index: number): void {
  core.write(keyEntry(core, index) + core.layout.SMM_KEY_UNNOTIFIED, 1);
}

/** A domain has ended and all its memory is given back: its key is destroyed, its metadata are freed. */
export function endSecure(core: Core, index: number): void {
  const l = core.layout;
  if (core.read(l.HOST_SMM_SLOTS) === 0) return;
  const key = keyEntry(core, index);
  const host = new HostView(core);
  core.call.smmLeave(host.pcpuAddress(core.read(host.domainAddress(index) + l.DOMAIN_PCPU)), index);
  const mode = core.read(key + l.SMM_KEY_MODE);
  const meta = core.read(key + l.SMM_KEY_META);
  if (meta !== 0) {
    const bytes = core.call.smmMetadataBytes(core.read(key + l.SMM_KEY_PAGES), mode) >>> 0;
    const first = (meta - (mode & l.SMM_MODE_EXPOSED ? PAGE : 0) - host.dram) / PAGE;
    for (let i = Math.ceil(bytes / PAGE) - 1; i >= 0; i--) core.call.frameFree(first + i);
    core.write(key + l.SMM_KEY_META, 0);
  }
  core.call.smmForget(index);
}

/** What the SMM counted for a domain so far; zeros on a host without one. */
export function smmCounts(core: Core, index: number): SmmCounts {
  const l = core.layout;
  const at = keyEntry(core, index) + l.SMM_KEY_COUNTS;
  const count = (which: number): number => (core.read(l.HOST_SMM_SLOTS) === 0 ? 0 : core.readU64(at + 8 * which));
  return {
    fills: count(l.SMM_COUNT_FILL),
    decrypts: count(l.SMM_COUNT_DECRYPT),
    writeBacks: count(l.SMM_COUNT_WRITE_BACK),
    cleanDrops: count(l.SMM_COUNT_CLEAN),
    evictions: count(l.SMM_COUNT_EVICTION),
    macs: count(l.SMM_COUNT_MAC),
    treeNodes: count(l.SMM_COUNT_TREE),
    rekeys: count(l.SMM_COUNT_REKEY),
    violations: {
      permission: count(l.SMM_COUNT_VIOLATION + l.SMM_VIOLATION_PERMISSION),
      context: count(l.SMM_COUNT_VIOLATION + l.SMM_VIOLATION_CONTEXT),
      integrity: count(l.SMM_COUNT_VIOLATION + l.SMM_VIOLATION_INTEGRITY),
      freshness: count(l.SMM_COUNT_VIOLATION + l.SMM_VIOLATION_FRESHNESS),
    },
  };
}

const VIOLATIONS = ['', 'permission', 'context', 'integrity', 'freshness'] as const;

/** The last violation in the record of a vCPU's domain, as the outcome that it leads to; undefined: there was none. */
export function lastViolation(core: Core, vcpu: number, linear: number): Outcome | undefined {
  const l = core.layout;
  const key = core.read(vcpu + l.VCPU_SMM);
  const violation = key === 0 ? '' : VIOLATIONS[core.read(key + l.SMM_KEY_VIOLATION)];
  if (!violation) return undefined;
  const known = (value: number): number => (value === 0xffffffff ? -1 : value);
  const frame = known(core.read(key + l.SMM_KEY_VIOLATION_FRAME));
  return {
    kind: 'smm-violation',
    violation,
    frame,
    address: known(core.read(key + l.SMM_KEY_VIOLATION_ADDRESS)),
    linear,
  };
}
