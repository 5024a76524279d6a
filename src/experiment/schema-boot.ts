/** `boot:` of the scenario language. Rules between fields are in load.ts, those about swept paths in plan.ts. */
import { z } from 'zod';
import { LIMITS, latin1, quantity, text } from './schema-fields.js';
import { COUNT, TIME } from './units.js';

export const bootSchema = z.strictObject({
  until: quantity(TIME, { min: 1e3, max: 86_400e9 }).optional().describe('virtual time at which boot ends'),
  domain: text(LIMITS.textMax, 'the name of a domain').optional().describe('whose boot it is; default: the only one'),
  prints: latin1(200).optional().describe('boot ends when the domain has printed this'),
  retired: quantity(COUNT, { min: 1, max: 1e15 })
    .optional()
    .describe('boot ends when the domain has retired so many instructions'),
  after: z
    .array(text(200, 'a parameter of the sweep'))
    .max(64)
    .optional()
    .describe('swept paths that hold only when boot has ended; default: all that can change in a running host'),
});
