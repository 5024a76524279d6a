/**
 * The scenario language, version 1: what may be written, field by field. Rules that span fields are in load.ts.
 *
 *   schema-fields.ts   readers of values      schema-host.ts     host:, limits:
 *   schema-sweep.ts    sweep:                 schema-domain.ts   domains:, templates:
 *   schema-boot.ts     boot:
 */
import { z } from 'zod';
import { OPERATIONS } from '../hypervisor/hooks.js';
import { TONES } from './cell.js';
import { quote } from './problem.js';
import { bootSchema } from './schema-boot.js';
import { listedSettings, templateSchema } from './schema-domain.js';
import { choice, domainName, integer, LIMITS, leaf, text, Wrong } from './schema-fields.js';
import { hostSchema, limitsSchema } from './schema-host.js';
import { MAX_CELLS, sweepSchema } from './schema-sweep.js';

export const claimSchema = z.strictObject({
  claim: text(200).describe('the sentence, told when the claim fails'),
  that: text(2000).describe(
    "condition over the results, such as domains.sieve.retired < 30M and all(outcome == 'poweroff')",
  ),
  when: text(2000).optional().describe('the claim is about the cells that satisfy this condition only'),
});

export const acrossSchema = z.strictObject({
  claim: text(200).describe('the sentence, told when the claim fails'),
  that: text(2000).describe(
    "condition over the cells of a group, such as mean(host.cycles, param('mode') == 'xts') < 2 * mean(host.cycles)",
  ),
  when: text(2000).optional().describe('the claim is about the cells that satisfy this condition only'),
  by: z
    .array(text(200, 'a parameter of the sweep'))
    .max(16)
    .optional()
    .describe('one group of cells per combination of values of these parameters; default: one group of all'),
});

export const securitySchema = z.strictObject({
  operation: choice(OPERATIONS).optional().describe('what is asked for; default: anything'),
  subject: domainName().optional().describe('the domain that asks; default: any'),
  object: domainName().optional().describe('the domain that it is about; default: any'),
  verdict: choice(['permit', 'deny']).describe('what is answered'),
});

const columnField = text(200, 'a column');
export const chartSchema = z.strictObject({
  title: text(200).optional(),
  kind: choice(['line', 'bar', 'point', 'box', 'heatmap', 'histogram', 'matrix']),
  x: columnField,
  y: columnField.optional(),
  colour: columnField.optional(),
  facet: columnField.optional(),
  'x-scale': choice(['linear', 'log']).optional(),
  'y-scale': choice(['linear', 'log']).optional(),
  where: text(2000).optional(),
  words: z
    .array(
      z.strictObject({
        when: text(2000).describe('condition over the columns of a row'),
        word: text(60).describe('what the field says'),
        tone: choice(TONES).optional().describe('how it looks; default: plain'),
      }),
    )
    .max(20)
    .optional()
    .describe('for a matrix: what its fields say; the first condition that holds decides'),
});

export const reportSchema = z.strictObject({
  charts: z.array(chartSchema).max(64).optional().describe('charts of the report; default: chosen by the columns'),
  table: z.array(columnField).max(64).optional().describe("columns of the report's table"),
});

const includeField = leaf<readonly string[], string | readonly string[]>(
  'the path of another scenario file, or a list of paths, relative to this one',
  { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  (value) => {
    const files = typeof value === 'string' ? [value] : value;
    if (Array.isArray(files) && files.every((file) => typeof file === 'string')) return files;
    return new Wrong(`${quote(value)} is not a path`);
  },
);

const scenarioFields = {
  title: text(200).optional().describe('one line'),
  description: text(LIMITS.textMax).optional().describe('what the scenario shows'),
  include: includeField.optional().describe('scenario files whose contents this one takes over; its own values win'),
  host: hostSchema.prefault({}).describe('the emulated host'),
  boot: bootSchema.optional().describe('when boot ends: what is swept behind it lets cells share their boot'),
  limits: limitsSchema.prefault({}).describe('when the host, or a cell of a batch, stops'),
  sweep: sweepSchema.optional().describe('runs the scenario once per combination of values'),
  repeat: integer({ min: 1, max: MAX_CELLS }).default(1).describe('runs every combination with so many seeds'),
  expect: z
    .array(claimSchema)
    .max(100)
    .optional()
    .describe('claims about the results; one that fails makes the exit code 1'),
  across: z
    .array(acrossSchema)
    .max(100)
    .optional()
    .describe('claims about many cells at once; one that fails makes the exit code 1'),
  security: z
    .array(securitySchema)
    .max(1000)
    .optional()
    .describe('policy of the security hooks: the first rule that matches decides, else the operation is permitted'),
  report: reportSchema.optional().describe('what `ringfence report` shows'),
};

/** Everything but domains and templates, which are read one by one, so that one wrong domain does not hide what others say. */
export const scenarioSchema = z.strictObject({
  ...scenarioFields,
  templates: z.unknown().optional().describe('settings that domains can use, by name'),
  domains: z.unknown().optional().describe('the guests to run: a map by name, or a list'),
});

/** The whole language in one schema: for editors, and for the types of scenarios written in TypeScript. */
export const languageSchema = z.strictObject({
  ...scenarioFields,
  templates: z.record(z.string(), templateSchema).optional().describe('settings that domains can use, by name'),
  domains: z
    .union([z.record(z.string(), templateSchema), z.array(listedSettings)])
    .describe('the guests to run: a map by name, or a list'),
});

/** A scenario as TypeScript writes it: the same keys and values as in YAML. */
export type ScenarioInput = z.input<typeof languageSchema>;

export type ParsedScenario = z.output<typeof scenarioSchema>;
