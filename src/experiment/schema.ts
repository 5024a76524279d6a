/**
 * The scenario language, version 1: what may be written, field by field.
 *
 * Every leaf reads one YAML value and either gives the value in base units (bytes, nanoseconds, hertz) or says what is wrong
 * and what is allowed. Objects are strict. Rules that span fields are in load.ts.
 */
import { z } from 'zod';
import { CPUID_FEATURES, type CpuidFeature } from '../hypervisor/cpuid.js';
import { quote, suggest } from './problem.js';
import { COUNT, FREQUENCY, formatQuantity, MEMORY, parseQuantity, TIME, type Unit } from './units.js';

/** Bounds that more than one rule or message needs. */
export const LIMITS = {
  pcpus: 64,
  workers: 64,
  /** All domains of a scenario, counts expanded. */
  domains: 4096,
  memoryMin: 2 * 1024 ** 2, // a Multiboot image is loaded at 1 MiB
  memoryMax: 2 * 1024 ** 3,
  memoryDefault: 16 * 1024 ** 2,
  textMax: 4096,
  inputMax: 65536,
} as const;

class Wrong {
  readonly problem: string;
  constructor(problem: string) {
    this.problem = problem;
  }
}

/** A field that has a unit: the column of a parameter that is swept over it is a number in this unit. */
const UNITS = new WeakMap<z.ZodType, Unit>();

/**
 * A field with its own reader. The allowed values are told with every problem.
 * @param json what editors are told: members of a JSON Schema
 */
function leaf<Out, In>(
  allowed: string,
  json: Record<string, unknown>,
  read: (value: unknown) => Out | Wrong,
): z.ZodType<Out, In> {
  const schema = z.unknown().transform((value, context): Out => {
    const result = value === undefined ? new Wrong('is missing') : read(value);
    if (!(result instanceof Wrong)) return result;
    context.addIssue({ code: 'custom', message: result.problem, params: { allowed } });
    return z.NEVER;
  });
  return schema.meta(json) as unknown as z.ZodType<Out, In>;
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly step?: number;
}

function inRange(unit: Unit, value: unknown, number: number, { min, max, step = 1 }: Range): number | Wrong {
  if (number < min) return new Wrong(`${quote(value)} is too small`);
  if (number > max) return new Wrong(`${quote(value)} is too large`);
  if (number % step !== 0) return new Wrong(`${quote(value)} is not a multiple of ${formatQuantity(unit, step)}`);
  return number;
}

function quantity(unit: Unit, range: Range) {
  const step = range.step === undefined ? '' : ` in steps of ${formatQuantity(unit, range.step)}`;
  const bounds = `${formatQuantity(unit, range.min)} to ${formatQuantity(unit, range.max)}${step}`;
  const suffixes = Object.keys(unit.factors).filter((suffix) => suffix !== '');
  const written = {
    type: 'string',
    pattern: `^[0-9]+(\\.[0-9]+)? ?(${suffixes.join('|')})${'' in unit.factors ? '?' : ''}$`,
  };
  const json = '' in unit.factors ? { anyOf: [{ type: 'number', minimum: 0 }, written] } : written;
  const schema = leaf<number, string | number>(`${unit.examples}, ${bounds}`, json, (value) => {
    const number = parseQuantity(unit, value);
    if (number === undefined) return new Wrong(`${quote(value)} is not ${unit.name}`);
    return inRange(unit, value, number, range);
  });
  UNITS.set(schema, unit);
  return schema;
}

function integer(range: Range) {
  const json = { type: 'integer', minimum: range.min, maximum: range.max };
  return leaf<number, number>(`an integer, ${range.min} to ${range.max}`, json, (value) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      return new Wrong(`${quote(value)} is not an integer`);
    return inRange(COUNT, value, value, range);
  });
}

function text(max: number, what: string = 'a text') {
  return leaf<string, string>(`${what} of at most ${max} characters`, { type: 'string', maxLength: max }, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a text`);
    return value.length <= max ? value : new Wrong(`a text of ${value.length} characters is too long`);
  });
}

/** Bytes for the guest: one character, one byte. */
function latin1(max: number) {
  const json = { type: 'string', maxLength: max, pattern: '^[\\u0000-\\u00ff]*$' };
  return leaf<string, string>(`a text of at most ${max} Latin-1 characters (bytes 0 to 255)`, json, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a text`);
    const far = [...value].find((char) => (char.codePointAt(0) ?? 0) > 255);
    if (far !== undefined) return new Wrong(`the character '${far}' is not a byte`);
    return value.length <= max ? value : new Wrong(`a text of ${value.length} characters is too long`);
  });
}

function choice<const T extends string>(values: readonly T[]) {
  return leaf<T, T>(values.join(', '), { enum: [...values] }, (value) => {
    const found = values.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    return new Wrong(`${quote(value)} is not known${typeof value === 'string' ? suggest(value, values) : ''}`);
  });
}

function flag() {
  return leaf<boolean, boolean>('true, false', { type: 'boolean' }, (value) =>
    typeof value === 'boolean' ? value : new Wrong(`${quote(value)} is neither`),
  );
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** Names become file names, also on systems that do not tell `A` from `a`. */
export const NAME_ALLOWED = 'a name of at most 63 characters: a-z 0-9 . _ -, the first a letter or a digit';
export const isName = (name: string): boolean => NAME.test(name);

function domainName() {
  return leaf<string, string>(NAME_ALLOWED, { type: 'string', pattern: NAME.source }, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a name`);
    return isName(value) ? value : new Wrong(`${quote(value)} cannot be a name`);
  });
}

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
    'limit',
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

const HIDEABLE = Object.keys(CPUID_FEATURES) as CpuidFeature[];

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
  input: latin1(LIMITS.inputMax).optional().describe('bytes waiting at the serial port'),
  cpuid: z
    .strictObject({
      hide: z.array(choice(HIDEABLE)).max(HIDEABLE.length).optional().describe('features that CPUID does not show'),
    })
    .optional()
    .describe('what the processor says of itself'),
  modules: z.array(moduleSchema).max(64).optional().describe('Multiboot modules'),
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

const hostSchema = z.strictObject({
  pcpus: integer({ min: 1, max: LIMITS.pcpus }).default(4).describe('physical CPUs of the emulated host'),
  frequency: quantity(FREQUENCY, { min: 1e6, max: 4e9 }).default(1e9).describe('cycles per virtual second'),
  quantum: quantity(TIME, { min: 1e3, max: 1e9 })
    .default(1e6)
    .describe('virtual time after which effects between physical CPUs are applied'),
  slice: quantity(TIME, { min: 1e3, max: 1e9 }).default(1e6).describe('time slice of the scheduler'),
  clock: choice(['domain', 'pcpu'])
    .default('domain')
    .describe("what guests' clocks follow: own time, or stolen time too"),
  seed: integer({ min: 0, max: 2 ** 32 - 1 })
    .default(1)
    .describe('decides what hardware leaves open'),
  workers: integer({ min: 1, max: LIMITS.workers }).optional().describe('threads; never changes a result'),
});

/** A listed domain whose guest may come from a template. */
const listedSettings = templateSchema.extend({ name: domainName().optional().describe("default: the guest's name") });

const limitsSchema = z.strictObject({
  time: quantity(TIME, { min: 1e3, max: 86_400e9 }).default(10e9).describe('virtual time at which the host stops'),
  'cell-time': quantity(TIME, { min: 1e7, max: 604_800e9 })
    .default(600e9)
    .describe('real time after which a cell of a batch is given up'),
  'cell-memory': quantity(MEMORY, { min: 1024 ** 2, max: 4 * 1024 ** 3 })
    .default(4 * 1024 ** 3)
    .describe('flat memory that a cell of a batch may take'),
});

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

interface WrittenValues {
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

export const claimSchema = z.strictObject({
  claim: text(200).describe('the sentence, told when the claim fails'),
  that: text(2000).describe(
    "condition over the results, such as domains.sieve.retired < 30M and all(outcome == 'poweroff')",
  ),
  when: text(2000).optional().describe('the claim is about the cells that satisfy this condition only'),
});

const columnField = text(200, 'a column');
export const chartSchema = z.strictObject({
  title: text(200).optional(),
  kind: choice(['line', 'bar', 'point', 'box', 'heatmap', 'histogram']),
  x: columnField,
  y: columnField.optional(),
  colour: columnField.optional(),
  facet: columnField.optional(),
  'x-scale': choice(['linear', 'log']).optional(),
  'y-scale': choice(['linear', 'log']).optional(),
  where: text(2000).optional(),
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
  limits: limitsSchema.prefault({}).describe('when the host, or a cell of a batch, stops'),
  sweep: sweepSchema.optional().describe('runs the scenario once per combination of values'),
  repeat: integer({ min: 1, max: MAX_CELLS }).default(1).describe('runs every combination with so many seeds'),
  expect: z
    .array(claimSchema)
    .max(100)
    .optional()
    .describe('claims about the results; one that fails makes the exit code 1'),
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
export type ParsedDomain = z.output<typeof domainSchema>;

/** The keys allowed in the map at `path`, for the message about an unknown one. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: z.ZodType | undefined = schema;
  for (const step of path) {
    current = unwrap(current);
    if (current instanceof z.ZodObject) current = (current.shape as Record<PropertyKey, z.ZodType>)[step];
    else if (current instanceof z.ZodRecord) current = current.valueType as z.ZodType;
    else if (current instanceof z.ZodArray) current = current.element as z.ZodType;
    else return [];
  }
  current = unwrap(current);
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

/** What the schema says of the value at `path`: its unit, and whether there is such a value at all. */
export function fieldAt(schema: z.ZodType, path: readonly PropertyKey[]): { readonly unit?: Unit } | undefined {
  const last = path.at(-1);
  if (last === undefined) return {};
  let parent: z.ZodType | undefined = schema;
  for (const step of path) {
    parent = unwrap(parent);
    if (parent instanceof z.ZodObject) parent = (parent.shape as Record<PropertyKey, z.ZodType>)[step];
    else if (parent instanceof z.ZodArray) parent = parent.element as z.ZodType;
    else if (parent instanceof z.ZodRecord) parent = parent.valueType as z.ZodType;
    else return undefined;
  }
  const found = unwrap(parent);
  if (found === undefined) return undefined;
  const unit = UNITS.get(found);
  return unit === undefined ? {} : { unit };
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let current = schema;
  while (current instanceof z.ZodOptional || current instanceof z.ZodDefault || current instanceof z.ZodPrefault) {
    current = current.unwrap() as z.ZodType;
  }
  return current;
}
