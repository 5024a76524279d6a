/**
 * A scenario as plain data between its text and its check: templates are expanded and swept values written into it, and every
 * value that came from elsewhere keeps its origin, so that a mistake is told where it was made.
 */
import type { Path } from './document.js';
import { listNames, quote, suggest } from './problem.js';
import { scenarioSchema } from './schema.js';
import { templateSchema } from './schema-domain.js';
import { fieldAt, keysAt } from './schema-fields.js';
import type { Unit } from './units.js';

type Data = Record<string, unknown>;
type Report = (path: Path, problem: string, allowed: string) => void;

/** A path that no value can be written to. */
export class PathFault extends Error {
  readonly allowed: string;
  constructor(problem: string, allowed: string) {
    super(problem);
    this.allowed = allowed;
  }
}

/** Where sweeps reach. Everything else does not change what is run. */
const SWEPT = ['domains', 'host', 'limits', 'templates', 'security', 'boot'];

export const isData = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const keyOf = (path: Path): string => path.join('\0');

export class Draft {
  readonly value: unknown;
  private readonly origins: Map<string, Path>;

  constructor(value: unknown, origins: ReadonlyMap<string, Path> = new Map()) {
    this.value = value;
    this.origins = new Map(origins);
  }

  copy(): Draft {
    return new Draft(structuredClone(this.value), this.origins);
  }

  /** The same without one of its members. */
  without(name: string): Draft {
    const { [name]: _, ...rest } = this.value as Data;
    return new Draft(rest, this.origins);
  }

  /** Where the value at `path` is written. */
  origin(path: Path): Path {
    if (this.origins.size === 0) return path;
    for (let length = path.length; length > 0; length--) {
      const origin = this.origins.get(keyOf(path.slice(0, length)));
      if (origin !== undefined) return [...origin, ...path.slice(length)];
    }
    return path;
  }

  /** Writes a value, with maps on the way. */
  assign(path: Path, value: unknown, origin: Path): void {
    let target = this.value as Data;
    for (const step of path.slice(0, -1)) {
      if (typeof target[step] !== 'object' || target[step] === null) target[step] = {};
      target = target[step] as Data;
    }
    target[path.at(-1) ?? ''] = structuredClone(value);
    const key = keyOf(path);
    for (const known of this.origins.keys()) if (known.startsWith(`${key}\0`)) this.origins.delete(known);
    this.origins.set(key, origin);
  }

  /** The places that a parameter such as `domains.*.memory` leads to, and their unit. @throws PathFault */
  targets(parameter: string): { readonly paths: readonly Path[]; readonly unit: Unit | undefined } {
    const parts = parameter.split('.');
    const [top = '', ...rest] = parts;
    if (!SWEPT.includes(top)) {
      const known = [
        'host.pcpus',
        'limits.time',
        'domains.<name>.memory',
        'domains.*.cmdline',
        'templates.<name>.memory',
      ];
      throw new PathFault(`nothing to sweep is called ${quote(parameter)}${suggest(top, SWEPT)}`, listNames(known));
    }
    if (top === 'security') {
      const rules = isData(this.value) && Array.isArray(this.value.security) ? this.value.security : [];
      if (!isData(rules[Number(rest[0])]) || !/^\d+$/.test(rest[0] ?? '') || rest.length !== 2) {
        throw new PathFault(
          `${parameter} is no part of a rule`,
          `security.<n>.verdict, n from 0 to ${rules.length - 1}`,
        );
      }
    }
    if (top !== 'domains' && top !== 'templates') {
      if (/^host\.(workers|smm\.backend)$|^limits\.(cell-|snapshots)|^boot\.after/.test(parameter)) {
        throw new PathFault(`${parameter} changes no result`, 'a value that results depend on');
      }
      return { paths: [parts], unit: this.unit(scenarioSchema, parts, parameter) };
    }
    const below = this.members(top, rest, parameter);
    const first = below[0]?.[2] ?? [];
    if (first.length === 0) throw new PathFault(`${parameter} has parts`, `${parameter}.memory, for example`);
    return { paths: below.map(([, path]) => path), unit: this.unit(templateSchema, first, parameter) };
  }

  private unit(
    schema: typeof scenarioSchema | typeof templateSchema,
    path: readonly string[],
    parameter: string,
  ): Unit | undefined {
    for (let length = 1; length <= path.length; length++) {
      const steps = path.slice(0, length);
      if (fieldAt(schema, steps) !== undefined) continue;
      const known = keysAt(schema, steps.slice(0, -1));
      const name = steps.at(-1) ?? '';
      throw new PathFault(`${parameter}: there is no ${quote(name)}${suggest(name, known)}`, listNames(known));
    }
    const found = fieldAt(schema, path);
    if (keysAt(schema, path).length > 0 && path.length === 1 && path[0] !== 'translation') {
      throw new PathFault(`${parameter} has parts`, `one of ${listNames(keysAt(schema, path))}`);
    }
    return found?.unit;
  }

  /** Members of `domains` or `templates` that a path starts with: [name, full path, rest of the path]. */
  private members(top: string, rest: readonly string[], parameter: string): [string, Path, string[]][] {
    const group = isData(this.value) ? this.value[top] : undefined;
    const listedNames = (Array.isArray(group) ? group : []).map((item, index): [string, string] => [
      String(Object(item).name ?? Object(item).guest ?? index),
      String(index),
    ]);
    const members = isData(group) ? Object.keys(group).map((key): [string, string] => [key, key]) : listedNames;
    if (rest[0] === '*') return members.map(([name, step]) => [name, [top, step, ...rest.slice(1)], rest.slice(1)]);
    for (let used = rest.length; used > 0; used--) {
      const name = rest.slice(0, used).join('.');
      const found = members.filter(([candidate]) => candidate === name);
      if (found.length > 0) return found.map(([, step]) => [name, [top, step, ...rest.slice(used)], rest.slice(used)]);
    }
    const known = members.map(([name]) => name);
    const name = rest[0] ?? '';
    throw new PathFault(
      `${parameter}: nothing is called ${quote(name)}${suggest(name, known)}`,
      known.length === 0 ? `a name under ${top}:, where there is none` : `${listNames(known)}, or * for all`,
    );
  }

  /** Gives every domain what the templates in its `use` say and it does not. */
  expandTemplates(report: Report): void {
    if (!isData(this.value)) return;
    const { domains, templates } = this.value;
    const known = isData(templates) ? templates : {};
    if (typeof domains !== 'object' || domains === null) return;
    for (const [step, domain] of Object.entries(domains)) {
      if (!isData(domain) || domain.use === undefined) continue;
      const path = ['domains', step];
      this.use(domain, path, known, domain.use, [...path, 'use'], [], report);
      delete domain.use;
    }
  }

  private use(
    target: Data,
    path: Path,
    templates: Data,
    use: unknown,
    at: Path,
    chain: readonly string[],
    report: Report,
  ): void {
    const names = Array.isArray(use) ? use : [use];
    for (const [index, name] of [...names.entries()].reverse()) {
      const place = Array.isArray(use) ? [...at, index] : at;
      if (typeof name !== 'string') {
        report(place, `${quote(name)} is not a name`, 'the name of a template, or a list of names');
        continue;
      }
      const template = Object.hasOwn(templates, name) ? templates[name] : undefined;
      const circle = chain.indexOf(name);
      if (circle >= 0) {
        report(
          place,
          `templates use each other: ${[...chain.slice(circle), name].join(' → ')}`,
          'templates without a circle',
        );
      } else if (template === undefined) {
        const all = Object.keys(templates);
        report(
          place,
          `no template ${quote(name)}${suggest(name, all)}`,
          all.length === 0 ? 'a name below templates:' : listNames(all),
        );
      } else if (isData(template)) {
        const source = ['templates', name];
        this.mergeBelow(target, path, template, source);
        if (template.use !== undefined) {
          this.use(target, path, templates, template.use, [...source, 'use'], [...chain, name], report);
        }
      }
    }
  }

  private mergeBelow(target: Data, path: Path, source: Data, sourcePath: Path): void {
    for (const [key, value] of Object.entries(source)) {
      if (key === 'use') continue;
      const own = target[key];
      if (own === undefined) {
        target[key] = structuredClone(value);
        this.origins.set(keyOf([...path, key]), this.origin([...sourcePath, key]));
      } else if (isData(own) && isData(value)) this.mergeBelow(own, [...path, key], value, [...sourcePath, key]);
    }
  }
}
