/** `host:` and `limits:` of the scenario language. */
import { z } from 'zod';
import { DEFAULT_SMM } from '../hypervisor/smm.js';
import { choice, flag, integer, LIMITS, quantity, text } from './schema-fields.js';
import { COUNT, FREQUENCY, MEMORY, TIME } from './units.js';

const smmSchema = z.strictObject({
  slots: integer({ min: LIMITS.slotsMin, max: LIMITS.slotsMax })
    .default(DEFAULT_SMM.slots)
    .describe("pages of each physical CPU's buffer"),
  policy: choice(['keep', 'flush'])
    .default(DEFAULT_SMM.policy)
    .describe("what a switch to another domain does to the last one's slots"),
  'key-bits': choice(['128', '256']).default('128').describe('AES key length'),
  deny: choice(['ciphertext', 'fault'])
    .default(DEFAULT_SMM.deny)
    .describe('what the privileged domain gets of protected memory that it maps'),
  grants: choice(['owner-key', 'plaintext'])
    .default(DEFAULT_SMM.grants)
    .describe("a granted page while it is mapped: under its owner's key, or plaintext in DRAM"),
  backend: choice(['wasm', 'host'])
    .default(DEFAULT_SMM.backend)
    .describe('who computes the keystream of counter modes: the machine, or OpenSSL; never changes a result'),
  counters: quantity(COUNT, { min: 1024, max: 2 ** 48 })
    .default(DEFAULT_SMM.counters)
    .describe("counters per key; then a domain's pages get a new key"),
  unnotified: z
    .array(text(LIMITS.textMax, 'the name of a domain'))
    .max(64)
    .optional()
    .describe('a fault of the hypervisor: it switches these domains in without telling the unit'),
});

export const hostSchema = z.strictObject({
  pcpus: integer({ min: 1, max: LIMITS.pcpus }).default(4).describe('physical CPUs of the emulated host'),
  frequency: quantity(FREQUENCY, { min: 1e6, max: 4e9 }).default(1e9).describe('cycles per virtual second'),
  quantum: quantity(TIME, { min: 1e3, max: 1e9 })
    .default(1e6)
    .describe('virtual time after which effects between physical CPUs are applied'),
  slice: quantity(TIME, { min: 1e3, max: 1e9 }).default(1e6).describe('time slice of the scheduler'),
  clock: choice(['domain', 'pcpu'])
    .default('domain')
    .describe("what guests' clocks follow: own time, or stolen time too"),
  memory: quantity(MEMORY, { min: 1024 ** 2, max: 4 * 1024 ** 3, step: 4096 })
    .optional()
    .describe('memory of the host for domains and their tables; default: what the domains need'),
  'domain-slots': integer({ min: 0, max: LIMITS.domains - 1 })
    .default(0)
    .describe('room for domains that are created or forked while the host runs'),
  scheduler: choice(['credit', 'round-robin'])
    .default('credit')
    .describe('who runs next: by weights and caps, or in turn'),
  boost: flag().default(true).describe('credit: whoever wakes with more credit preempts who runs'),
  seed: integer({ min: 0, max: 2 ** 32 - 1 })
    .default(1)
    .describe('decides what hardware leaves open'),
  smm: smmSchema.optional().describe('the secure-memory unit; default: there is one if a domain is protected'),
  'page-sharing': z
    .strictObject({ every: quantity(TIME, { min: 1e3, max: 86_400e9 }).describe('virtual time between two passes') })
    .optional()
    .describe('pages of equal content are kept once, and copied when they are written; default: they are not'),
  scrub: flag().default(true).describe('whether frames are cleared when they change hands (protected ones never are)'),
  workers: integer({ min: 1, max: LIMITS.workers }).optional().describe('threads; never changes a result'),
});

export const limitsSchema = z.strictObject({
  time: quantity(TIME, { min: 1e3, max: 86_400e9 }).default(10e9).describe('virtual time at which the host stops'),
  'cell-time': quantity(TIME, { min: 1e7, max: 604_800e9 })
    .default(600e9)
    .describe('real time after which a cell of a batch is given up'),
  'cell-memory': quantity(MEMORY, { min: 1024 ** 2, max: 4 * 1024 ** 3 })
    .default(4 * 1024 ** 3)
    .describe('flat memory that a cell of a batch may take'),
  snapshots: quantity(MEMORY, { min: 0, max: 64 * 1024 ** 3 })
    .default(512 * 1024 ** 2)
    .describe('memory of a batch for boots that cells share; 0B: every cell boots itself'),
});
