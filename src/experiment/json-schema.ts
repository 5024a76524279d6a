/** JSON Schemas: of the scenario language, for editors, and of what `--json` prints, for programs. */
import { z } from 'zod';
import { CELL_STATUSES } from './cell.js';
import { type Column, DOMAIN_COLUMNS, HOST_COLUMNS, WALL_COLUMNS } from './columns.js';
import { languageSchema } from './schema.js';

type Json = Record<string, unknown>;

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

/** The scenario language, as `ringfence schema` prints it. */
export function languageJsonSchema(): Json {
  const { $schema: _, ...schema } = z.toJSONSchema(languageSchema, { io: 'input', unrepresentable: 'any' }) as Json;
  return {
    $schema: DRAFT,
    title: 'Ringfence scenario',
    description: 'One host, its domains, what is swept and what is claimed. Written in YAML.',
    ...schema,
  };
}

const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const count = { type: 'integer', minimum: 0 };
const strings = { type: 'object', additionalProperties: { type: 'string' } };

function object(properties: Json, optional: readonly string[] = []): Json {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', additionalProperties: false, required, properties };
}

function row(columns: readonly Column[], open = false): Json {
  const properties = Object.fromEntries(
    columns.map(({ name, type, unit, about }) => [
      name,
      {
        type: type === 'text' ? 'string' : type,
        description: unit === undefined || unit === '' ? about : `${about} [${unit}]`,
      },
    ]),
  );
  return { ...object(properties), ...(open && { additionalProperties: { type: 'integer', minimum: 0 } }) };
}

const failure = object({
  domain: { type: 'string', description: 'empty for a claim of the scenario' },
  claim: { type: 'string', description: 'outcome, checksum, or the sentence of a claim of the scenario' },
  expected: { type: 'string' },
  found: { type: 'string' },
});

/** What `ringfence run --json` prints for a scenario with a sweep or repeats: results.json of the batch. */
export function resultsJsonSchema(): Json {
  const cell = object({
    index: count,
    id: sha256,
    parameters: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
    repeat: count,
    seed: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
  });
  const deterministic = object({
    fingerprint: sha256,
    domains: { type: 'array', items: row(DOMAIN_COLUMNS, true) },
    host: row(HOST_COLUMNS),
  });
  const hex = { type: 'string', pattern: '^([0-9a-f]{2})+$' };
  const attestation = object({
    key: hex,
    attest: hex,
    signature: hex,
    log: { type: 'array', items: object({ pcr: count, event: { type: 'string' }, digest: sha256 }) },
  });
  return {
    $schema: DRAFT,
    title: 'Ringfence results of a batch',
    ...object(
      {
        format: { const: 1 },
        fingerprint: { ...sha256, description: 'over `deterministic`, one canonical line per cell' },
        passed: { type: 'boolean', description: 'every cell ran and every claim holds' },
        across: {
          type: 'array',
          description: 'claims across cells that do not hold; empty in a shard, which does not judge them',
          items: object({
            claim: { type: 'string' },
            group: { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } },
            expected: { type: 'string' },
            found: { type: 'string' },
          }),
        },
        scenario: object({ name: { type: 'string' }, title: { type: 'string' }, description: { type: 'string' } }),
        identity: object({ ringfence: { type: 'string' }, core: sha256, costTable: sha256, plan: sha256 }),
        parameters: {
          type: 'array',
          items: object(
            {
              name: { type: 'string' },
              path: { type: 'string' },
              type: { enum: ['number', 'text', 'boolean'] },
              unit: { type: 'string' },
            },
            ['unit'],
          ),
        },
        counts: object(Object.fromEntries(CELL_STATUSES.map((status) => [status, count]))),
        deterministic: {
          type: 'array',
          items: object({
            cell,
            status: { enum: [...CELL_STATUSES] },
            deterministic: { anyOf: [deterministic, { type: 'null' }] },
            claims: { type: 'array', items: failure },
          }),
        },
        attestations: {
          type: 'array',
          description: 'quotes of cells with protected domains, in the same order; absent without any',
          items: { anyOf: [attestation, { type: 'null' }] },
        },
        wallClock: {
          type: 'array',
          items: object(
            {
              wallClock: row(WALL_COLUMNS),
              error: object({ code: { type: 'string' }, message: { type: 'string' } }),
              reproducer: { type: 'string' },
              attempts: { enum: [1, 2] },
            },
            ['wallClock', 'error'],
          ),
        },
        versions: strings,
      },
      ['attestations'],
    ),
  };
}
