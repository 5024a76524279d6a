/**
 * What fields of the scenario language are made of.
 *
 * Every leaf reads one YAML value and either gives the value in base units (bytes, nanoseconds, hertz) or says what is wrong
 * and what is allowed. Objects are strict.
 */
import { z } from 'zod';
import { SLOTS_MIN } from '../hypervisor/smm.js';
import { PLAN } from '../machine/plan.js';
import { quote, suggest } from './problem.js';
import { COUNT, formatQuantity, parseQuantity, type Unit } from './units.js';

/** Bounds that more than one rule or message needs. */
export const LIMITS = {
  pcpus: PLAN.pcpus.most,
  workers: 64,
  /** All domains of a scenario, counts expanded. */
  domains: 4096,
  memoryMin: 2 * 1024 ** 2, // a Multiboot image is loaded at 1 MiB
  memoryMax: 2 * 1024 ** 3,
  memoryDefault: 16 * 1024 ** 2,
  textMax: 4096,
  inputMax: 65536,
  /** Pages of an SMM buffer: assembly/layout.ts, SMM_SLOTS_MIN. */
  slotsMin: SLOTS_MIN,
  slotsMax: PLAN.smmSlots.most,
} as const;

export class Wrong {
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
export function leaf<Out, In>(
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

export function quantity(unit: Unit, range: Range) {
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

export function integer(range: Range) {
  const json = { type: 'integer', minimum: range.min, maximum: range.max };
  return leaf<number, number>(`an integer, ${range.min} to ${range.max}`, json, (value) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      return new Wrong(`${quote(value)} is not an integer`);
    return inRange(COUNT, value, value, range);
  });
}

export function text(max: number, what: string = 'a text') {
  return leaf<string, string>(`${what} of at most ${max} characters`, { type: 'string', maxLength: max }, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a text`);
    return value.length <= max ? value : new Wrong(`a text of ${value.length} characters is too long`);
  });
}

/** Bytes for the guest: one character, one byte. */
export function latin1(max: number) {
  const json = { type: 'string', maxLength: max, pattern: '^[\\u0000-\\u00ff]*$' };
  return leaf<string, string>(`a text of at most ${max} Latin-1 characters (bytes 0 to 255)`, json, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a text`);
    const far = [...value].find((char) => (char.codePointAt(0) ?? 0) > 255);
    if (far !== undefined) return new Wrong(`the character '${far}' is not a byte`);
    return value.length <= max ? value : new Wrong(`a text of ${value.length} characters is too long`);
  });
}

export function choice<const T extends string>(values: readonly T[]) {
  return leaf<T, T>(values.join(', '), { enum: [...values] }, (value) => {
    const found = values.find((candidate) => candidate === value);
    if (found !== undefined) return found;
    return new Wrong(`${quote(value)} is not known${typeof value === 'string' ? suggest(value, values) : ''}`);
  });
}

export function flag() {
  return leaf<boolean, boolean>('true, false', { type: 'boolean' }, (value) =>
    typeof value === 'boolean' ? value : new Wrong(`${quote(value)} is neither`),
  );
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
/** Names become file names, also on systems that do not tell `A` from `a`. */
export const NAME_ALLOWED = 'a name of at most 63 characters: a-z 0-9 . _ -, the first a letter or a digit';
export const isName = (name: string): boolean => NAME.test(name);

export function domainName() {
  return leaf<string, string>(NAME_ALLOWED, { type: 'string', pattern: NAME.source }, (value) => {
    if (typeof value !== 'string') return new Wrong(`${quote(value)} is not a name`);
    return isName(value) ? value : new Wrong(`${quote(value)} cannot be a name`);
  });
}

/** The keys allowed in the map at `path`, for the message about an unknown one. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current: z.ZodType | undefined = schema;
  for (const step of path) {
    current = unwrap(current);
    if (current instanceof z.ZodObject) current = member(current, step);
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
    if (parent instanceof z.ZodObject) parent = member(parent, step);
    else if (parent instanceof z.ZodArray) parent = parent.element as z.ZodType;
    else if (parent instanceof z.ZodRecord) parent = parent.valueType as z.ZodType;
    else return undefined;
  }
  const found = unwrap(parent);
  if (found === undefined) return undefined;
  const unit = UNITS.get(found);
  return unit === undefined ? {} : { unit };
}

const member = ({ shape }: z.ZodObject, key: PropertyKey): z.ZodType | undefined =>
  Object.hasOwn(shape, key) ? (shape as Record<PropertyKey, z.ZodType>)[key] : undefined;

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let current = schema;
  while (current instanceof z.ZodOptional || current instanceof z.ZodDefault || current instanceof z.ZodPrefault) {
    current = current.unwrap() as z.ZodType;
  }
  return current;
}
