/** `host:` and `limits:` of the scenario language. */
import { z } from 'zod';
import { choice, flag, integer, LIMITS, quantity } from './schema-fields.js';
import { FREQUENCY, MEMORY, TIME } from './units.js';

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
});
