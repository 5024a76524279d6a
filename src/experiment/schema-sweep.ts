/** `sweep:` of the scenario language. What the combinations are is in sweep.ts. */
import { z } from 'zod';
import { quote, suggest } from './problem.js';
import { integer, leaf, Wrong } from './schema-fields.js';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown())]);

/** The values of one parameter. */
export interface ValuesSpec {
  readonly as?: string;
  readonly values?: readonly unknown[];
  readonly range?: {
    readonly from: string | number;
    readonly to: string | number;
    readonly step?: string | number;
    readonly times?: number;
    readonly scale?: 'linear' | 'log';
  };
}

export interface WrittenValues {
  readonly as?: string;
  readonly values?: readonly unknown[];
  readonly from?: string | number;
  readonly to?: string | number;
  readonly step?: string | number;
  readonly times?: number;
  readonly scale?: 'linear' | 'log';
}

const VALUES_KEYS = ['as', 'values', 'from', 'to', 'step', 'times', 'scale'];
const VALUES_ALLOWED =
  'a list of values; {values: […], as: name}; or {from, to} with step (adds), times (multiplies) or scale: log (random only)';

function valuesField() {
  const number = { anyOf: [{ type: 'number' }, { type: 'string' }] };
  const json = {
    anyOf: [
      { type: 'array', minItems: 1 },
      {
        type: 'object',
        additionalProperties: false,
        properties: {
          as: { type: 'string', description: 'name of the column in the results; default: the path' },
          values: { type: 'array', minItems: 1 },
          from: number,
          to: number,
          step: number,
          times: { type: 'number', exclusiveMinimum: 1 },
          scale: { enum: ['linear', 'log'] },
        },
      },
    ],
  };
  return leaf<ValuesSpec, readonly unknown[] | WrittenValues>(VALUES_ALLOWED, json, readValues);
}

function readValues(value: unknown): ValuesSpec | Wrong {
  if (Array.isArray(value)) return value.length > 0 ? { values: value } : new Wrong('has no value');
  if (typeof value !== 'object' || value === null) return new Wrong(`${quote(value)} is not a list of values`);
  const written = value as Record<string, unknown>;
  const unknown = Object.keys(written).find((key) => !VALUES_KEYS.includes(key));
  if (unknown !== undefined) return new Wrong(`unknown key ${quote(unknown)}${suggest(unknown, VALUES_KEYS)}`);
  const { as, values, from, to, step, times, scale } = written;
  if (as !== undefined && (typeof as !== 'string' || !/^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/.test(as))) {
    return new Wrong(`${quote(as)} cannot be the name of a column`);
  }
  const name = as === undefined ? {} : { as };
  if (values !== undefined) {
    if (from !== undefined || to !== undefined) return new Wrong('has values and a range');
    if (!Array.isArray(values) || values.length === 0) return new Wrong('values is not a list of values');
    return { ...name, values };
  }
  const isNumber = (item: unknown): item is string | number => typeof item === 'string' || typeof item === 'number';
  if (!isNumber(from) || !isNumber(to)) return new Wrong('has neither values nor from and to');
  if (step !== undefined && !isNumber(step)) return new Wrong(`step: ${quote(step)} is not a number`);
  if (times !== undefined && (typeof times !== 'number' || !(times > 1))) {
    return new Wrong(`times: ${quote(times)} is not a number above 1`);
  }
  if (scale !== undefined && scale !== 'linear' && scale !== 'log')
    return new Wrong(`scale: ${quote(scale)} is unknown`);
  return {
    ...name,
    range: {
      from,
      to,
      ...(step !== undefined && { step }),
      ...(times !== undefined && { times }),
      ...(scale !== undefined && { scale }),
    },
  };
}

const parametersField = z.record(z.string(), valuesField());

/** Most cells of a plan. */
export const MAX_CELLS = 100_000;

export const sweepSchema = z.strictObject({
  grid: parametersField.optional().describe('every combination of the values, by path'),
  zip: parametersField.optional().describe('the first values together, then the second …; lists of one length'),
  list: z
    .array(z.record(z.string(), scalar))
    .min(1)
    .max(MAX_CELLS)
    .optional()
    .describe('combinations, each {path: value, …}'),
  random: z
    .strictObject({
      count: integer({ min: 1, max: MAX_CELLS }).describe('combinations to draw; no combination twice'),
      seed: integer({ min: 0, max: 2 ** 32 - 1 })
        .default(1)
        .describe('of the draw'),
      values: parametersField.describe('lists to choose from, or {from, to} to draw whole numbers from'),
    })
    .optional()
    .describe('combinations drawn at random, the same for the same seed'),
});
