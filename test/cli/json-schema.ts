/** A validator for the part of JSON Schema 2020-12 that our schemas use; an unknown keyword is an error of the test. */

type Json = Record<string, unknown>;

const ANNOTATIONS = new Set(['$schema', 'title', 'description', 'default']);

/** @returns what is wrong, one line each with its place */
export function validate(schema: Json | boolean, value: unknown, place = ''): string[] {
  if (typeof schema === 'boolean') return schema ? [] : [`${place}: not allowed`];
  return Object.entries(schema).flatMap(([keyword, rule]) => check(keyword, rule, schema, value, place));
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isType(type: unknown, value: unknown): boolean {
  if (type === 'object') return isObject(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function check(keyword: string, rule: unknown, schema: Json, value: unknown, place: string): string[] {
  if (ANNOTATIONS.has(keyword)) return [];
  const fail = (bad: boolean): string[] => (bad ? [`${place}: ${keyword} ${JSON.stringify(rule)}`] : []);
  const number = rule as number;
  switch (keyword) {
    case 'type':
      return fail(!(Array.isArray(rule) ? rule : [rule]).some((type) => isType(type, value)));
    case 'const':
      return fail(value !== rule);
    case 'enum':
      return fail(!(rule as unknown[]).includes(value));
    case 'minimum':
      return fail(typeof value === 'number' && value < number);
    case 'maximum':
      return fail(typeof value === 'number' && value > number);
    case 'exclusiveMinimum':
      return fail(typeof value === 'number' && value <= number);
    case 'maxLength':
      return fail(typeof value === 'string' && value.length > number);
    case 'pattern':
      return fail(typeof value === 'string' && !new RegExp(rule as string, 'u').test(value));
    case 'minItems':
      return fail(Array.isArray(value) && value.length < number);
    case 'maxItems':
      return fail(Array.isArray(value) && value.length > number);
    case 'items':
      return Array.isArray(value)
        ? value.flatMap((item, index) => validate(rule as Json, item, `${place}/${index}`))
        : [];
    case 'anyOf':
      return fail(!(rule as Json[]).some((option) => validate(option, value, place).length === 0));
    case 'required':
      return isObject(value)
        ? (rule as string[]).filter((key) => !(key in value)).map((key) => `${place}: lacks ${key}`)
        : [];
    case 'propertyNames':
      return isObject(value) ? Object.keys(value).flatMap((key) => validate(rule as Json, key, `${place}/${key}`)) : [];
    case 'properties':
      if (!isObject(value)) return [];
      return Object.entries(rule as Json).flatMap(([key, inner]) =>
        key in value ? validate(inner as Json, value[key], `${place}/${key}`) : [],
      );
    case 'additionalProperties': {
      if (!isObject(value)) return [];
      const known = Object.keys((schema.properties as Json | undefined) ?? {});
      const others = Object.keys(value).filter((key) => !known.includes(key));
      return others.flatMap((key) => validate(rule as Json | boolean, value[key], `${place}/${key}`));
    }
    default:
      throw new Error(`the validator does not know '${keyword}'`);
  }
}
