/** `domains:` and `templates:` of the scenario language. Rules between fields are in load-domain.ts. */
import { z } from 'zod';
import { CPUID_FEATURES, type CpuidFeature } from '../hypervisor/cpuid.js';
import { MAX_DISK, SECTOR } from '../hypervisor/disk.js';
import { SECOND_LEVEL_MAX, SECOND_LEVEL_MIN } from '../hypervisor/second-level-tlb.js';
import { PROTECTIONS } from '../hypervisor/smm.js';
import { quote } from './problem.js';
import { choice, domainName, flag, integer, LIMITS, latin1, leaf, quantity, text, Wrong } from './schema-fields.js';
import { COUNT, MEMORY, parseQuantity, TIME } from './units.js';

/** Reasons of `sched_op` shutdown (each implies `shutdown`), then the other outcomes a scenario may expect. */
export const OUTCOMES = [
  ...['poweroff', 'reboot', 'suspend', 'crash', 'watchdog'],
  ...[
    'shutdown',
    'reset',
    'halted',
    'triple-fault',
    'ept-violation',
    'ept-misconfiguration',
    'smm-violation',
    'limit',
    'destroyed',
    'host-memory',
    'not-forked',
    'unhandled-exit',
  ],
] as const;

function checksum() {
  const json = { type: 'string', pattern: '^(native|[0-9a-fA-F]{8})$' };
  return leaf<string, string>('native (as the same C gives natively), or 8 hexadecimal digits', json, (value) => {
    if (typeof value === 'string' && (value === 'native' || /^[0-9a-fA-F]{8}$/.test(value))) return value.toLowerCase();
    return new Wrong(`${quote(value)} is not a checksum`);
  });
}

function tlbEntries() {
  const sizes = [0];
  for (let size = SECOND_LEVEL_MIN; size <= SECOND_LEVEL_MAX; size *= 2) sizes.push(size);
  const allowed = `0 (none), or a power of two from ${SECOND_LEVEL_MIN} to ${SECOND_LEVEL_MAX}`;
  return leaf<number, number>(allowed, { enum: sizes }, (value) =>
    typeof value === 'number' && sizes.includes(value)
      ? value
      : new Wrong(`${quote(value)} is not a number of entries`),
  );
}

const translationSchema = z.strictObject({
  kind: choice(['ept', 'direct']).default('ept').describe('second-level translation, or none'),
  page: choice(['4k', '2m', '1g']).optional().describe('page size of the EPT leaves'),
  'accessed-dirty': flag().optional().describe('whether the EPT keeps accessed and dirty flags'),
});

const expectSchema = z.strictObject({
  outcome: choice(OUTCOMES).optional().describe('how the domain must end'),
  checksum: checksum().optional().describe('what the domain must print as =xxxxxxxx'),
});

const moduleSchema = z.strictObject({
  file: text(LIMITS.textMax, 'a path').describe('path, relative to the scenario'),
  name: latin1(LIMITS.textMax).optional().describe('string the guest finds with the module; default: the path'),
});

const pinSchema = z.strictObject({
  from: quantity(MEMORY, { min: 0, max: LIMITS.memoryMax, step: 4096 }).describe('guest-physical address'),
  size: quantity(MEMORY, { min: 4096, max: LIMITS.memoryMax, step: 4096 }).describe('of the range'),
});

type Moment = 'marker' | 'blocked' | number;

function forkMoment() {
  const allowed = `marker, blocked, or a virtual time such as ${TIME.examples}`;
  return leaf<Moment, string>(allowed, { type: 'string' }, (value) => {
    if (value === 'marker' || value === 'blocked') return value;
    const ns = parseQuantity(TIME, value);
    return ns === undefined || ns <= 0 ? new Wrong(`${quote(value)} is no such moment`) : ns;
  });
}

const HIDEABLE = Object.keys(CPUID_FEATURES) as CpuidFeature[];

const diskSchema = z.strictObject({
  size: quantity(MEMORY, { min: SECTOR, max: MAX_DISK, step: SECTOR })
    .optional()
    .describe('a multiple of 512 bytes; default: as large as the file'),
  file: text(LIMITS.textMax, 'a path')
    .optional()
    .describe('what it holds at the start, relative to the scenario; the file itself never changes'),
  seed: integer({ min: 0, max: 2 ** 32 - 1 })
    .optional()
    .describe('instead of a file: pseudo-random contents; without both, zeros'),
  'read-only': flag().optional().describe('whether the guest can only read it'),
  passthrough: flag()
    .optional()
    .describe('assigned without an IOMMU: the addresses that the guest gives it are machine addresses'),
});

/** All but the guest, which a template need not name. */
const settings = {
  memory: quantity(MEMORY, { min: LIMITS.memoryMin, max: LIMITS.memoryMax, step: 4096 })
    .optional()
    .describe('guest-physical memory; default: 16MiB, or what the guest needs if that is more'),
  cmdline: latin1(LIMITS.textMax).optional().describe("Multiboot command line; default: the guest's own"),
  count: integer({ min: 1, max: LIMITS.domains }).optional().describe('makes name-0 … name-(count − 1)'),
  pcpu: integer({ min: 0, max: LIMITS.pcpus - 1 })
    .optional()
    .describe('physical CPU; default: dealt out in order'),
  translation: translationSchema.prefault({}).describe('how guest-physical memory is found'),
  'second-level-tlb': tlbEntries()
    .optional()
    .describe('entries; default: none up to 16MiB of memory, else as many as cover it'),
  protection: choice(PROTECTIONS).optional().describe('how the SMM protects the memory; default: none'),
  disk: diskSchema.optional().describe('a virtio-blk device over MMIO'),
  pin: z
    .array(pinSchema)
    .max(64)
    .optional()
    .describe("ranges of a protected domain's memory that stay in the SMM's buffer once they are there"),
  'page-sharing': flag().optional().describe('whether its pages may be shared, where host.page-sharing asks for it'),
  input: latin1(LIMITS.inputMax).optional().describe('bytes waiting at the serial port'),
  cpuid: z
    .strictObject({
      hide: z.array(choice(HIDEABLE)).max(HIDEABLE.length).optional().describe('features that CPUID does not show'),
    })
    .optional()
    .describe('what the processor says of itself'),
  modules: z.array(moduleSchema).max(64).optional().describe('Multiboot modules'),
  apic: flag().optional().describe('whether the processor has a local APIC'),
  weight: integer({ min: 1, max: 65535 })
    .optional()
    .describe("share of its physical CPU against its neighbours'; default 256"),
  cap: integer({ min: 0, max: 100 }).optional().describe('percent of its physical CPU that it may use; 0: no limit'),
  'fork-of': text(LIMITS.textMax, 'the name of a domain')
    .optional()
    .describe('the domain begins as a copy of this one, when it is ready; guest, memory … are those of the other'),
  'fork-at': forkMoment()
    .optional()
    .describe(
      'when: at the marker (the other writes 0xf0 to port 0x80), when it first waits, or at a time; default: marker',
    ),
  restore: text(LIMITS.textMax, 'the path of a saved domain')
    .optional()
    .describe('the domain goes on from this file, which --save-domain wrote; guest, memory … are those of the file'),
  privileged: flag().optional().describe('a control domain (VM0): it may create, fork and control others'),
  'max-instructions': quantity(COUNT, { min: 1, max: 1e15 })
    .optional()
    .describe('the domain is ended after so many instructions'),
  expect: expectSchema.optional().describe('claims about the result; one that fails makes the exit code 1'),
};

const guestField = text(LIMITS.textMax, 'the name of a guest of the manifest or the path of an ELF file,').describe(
  'name of a guest in guests/manifest.json, or path of an ELF32 Multiboot image, relative to the scenario',
);

const useField = leaf<readonly string[], string | readonly string[]>(
  'the name of a template, or a list of names',
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  (value) => {
    const names = typeof value === 'string' ? [value] : value;
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
    return new Wrong(`${quote(value)} is not a name`);
  },
)
  .optional()
  .describe('templates whose settings the domain takes over; its own settings win, then later templates');

const domainFields = { guest: guestField, use: useField, ...settings };

/** What a template may set. */
export const templateSchema = z.strictObject({
  guest: guestField.optional(),
  use: useField,
  ...settings,
  translation: translationSchema.optional().describe('how guest-physical memory is found'),
});
/** A domain in a map, which gives its name. */
export const domainSchema = z.strictObject(domainFields);
/** A domain in a list. */
export const listedDomainSchema = z.strictObject({
  name: domainName().optional().describe("default: the guest's name"),
  ...domainFields,
});

/** A listed domain whose guest may come from a template. */
export const listedSettings = templateSchema.extend({
  name: domainName().optional().describe("default: the guest's name"),
});

export type ParsedDomain = z.output<typeof domainSchema>;
