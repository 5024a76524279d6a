/**
 * The scenario language, version 1: what may be written, field by field.
 *
 * Every leaf reads one YAML value and either gives the value in base units (bytes, nanoseconds, hertz) or says what is wrong
 * and what is allowed. Objects are strict. Rules that span fields are in load.ts.
 */
import { z } from 'zod';
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

/** A field with its own reader. The allowed values are told with every problem. */
function leaf<T>(allowed: string, read: (value: unknown) => T | Wrong) {
  return z.unknown().transform((value, context): T => {
    const result = value === undefined ? new Wrong('is missing') : read(value);
    if (!(result instanceof Wrong)) return result;
    context.addIssue({ code: 'custom', message: result.problem, params: { allowed } });
    return z.NEVER;
  });
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
  return leaf(`${unit.examples}, ${bounds}`, (value) => {
    const number = parseQuantity(unit, value);
    if (number === undefined) return new Wrong(`${quote(value)} is not ${unit.name}`);
    return inRange(unit, value, number, range);
  });
}

function integer(range: Range) {
  return leaf(`an integer, ${range.min} to ${range.max}`, (value) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      return new Wrong(`${quote(value)} is not an integer`);
    return inRange(COUNT, value, value, range);
  });
}

function text(max: number, what: string = 'a text') {
  return leaf(`${what} of at most ${max} characters`, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a text`);
    return value.length <= max ? value : new Wrong(`a text of ${value.length} characters is too long`);
  });
}

/** Bytes for the guest: one character, one byte. */
function latin1(max: number) {
  return leaf(`a text of at most ${max} Latin-1 characters (bytes 0 to 255)`, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a text`);
    const far = [...value].find((char) => (char.codePointAt(0) ?? 0) > 255);
    if (far !== undefined) return new Wrong(`the character '${far}' is not a byte`);
    return value.length <= max ? value : new Wrong(`a text of ${value.length} characters is too long`);
  });
}

function choice<const T extends string>(values: readonly T[]) {
  return leaf(values.join(', '), (value) => {
    const found = values.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    return new Wrong(`${quote(value)} is not known${typeof value === 'string' ? suggest(value, values) : ''}`);
  });
}

function flag() {
  return leaf('true, false', (value) => (typeof value === 'boolean' ? value : new Wrong(`${quote(value)} is neither`)));
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** Names become file names, also on systems that do not tell `A` from `a`. */
export const NAME_ALLOWED = 'a name of at most 63 characters: a-z 0-9 . _ -, the first a letter or a digit';
export const isName = (name: string): boolean => NAME.test(name);

function domainName() {
  return leaf(NAME_ALLOWED, (value) => {
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
  return leaf('native (as the same C gives natively), or 8 hexadecimal digits', (value) => {
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

const domainFields = {
  guest: text(LIMITS.textMax, 'the name of a guest of the manifest or the path of an ELF file,').describe(
    'name of a guest in guests/manifest.json, or path of an ELF32 Multiboot image, relative to the scenario',
  ),
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
  modules: z.array(moduleSchema).max(64).optional().describe('Multiboot modules'),
  'max-instructions': quantity(COUNT, { min: 1, max: 1e15 })
    .optional()
    .describe('the domain is ended after so many instructions'),
  expect: expectSchema.optional().describe('claims about the result; one that fails makes the exit code 1'),
};

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

const limitsSchema = z.strictObject({
  time: quantity(TIME, { min: 1e3, max: 86_400e9 }).default(10e9).describe('virtual time at which the host stops'),
});

const scenarioFields = {
  title: text(200).optional().describe('one line'),
  description: text(LIMITS.textMax).optional().describe('what the scenario shows'),
  host: hostSchema.prefault({}).describe('the emulated host'),
  limits: limitsSchema.prefault({}).describe('when the host stops'),
};

/** Everything but the domains, which are read one by one, so that one wrong domain does not hide what others say. */
export const scenarioSchema = z.strictObject({
  ...scenarioFields,
  domains: z.unknown().optional().describe('the guests to run: a map by name, or a list'),
});

export type ParsedScenario = z.output<typeof scenarioSchema>;
export type ParsedDomain = z.output<typeof domainSchema>;

/** The keys allowed in the map at `path`, for the message about an unknown one. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: z.ZodType | undefined = schema;
  for (const step of path) {
    current = unwrap(current);
    if (current instanceof z.ZodObject) current = (current.shape as Record<PropertyKey, z.ZodType>)[step];
    else if (current instanceof z.ZodArray) current = current.element as z.ZodType;
    else return [];
  }
  current = unwrap(current);
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let current = schema;
  while (current instanceof z.ZodOptional || current instanceof z.ZodDefault || current instanceof z.ZodPrefault) {
    current = current.unwrap() as z.ZodType;
  }
  return current;
}
