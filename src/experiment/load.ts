/**
 * Scenario file → Scenario, or every problem at once.
 *
 *   text → SourceDocument (YAML, --set) → schema (fields) → rules between fields → guests on disk → Scenario
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import type { z } from 'zod';
import { type Path, SourceDocument } from './document.js';
import { type Catalogue, looksLikePath } from './guests.js';
import { listNames, type Problem, quote, ScenarioError, suggest } from './problem.js';
import type { DomainSpec, Scenario } from './scenario.js';
import {
  isName,
  keysAt,
  LIMITS,
  listedScenario,
  mappedScenario,
  NAME_ALLOWED,
  type ParsedDomain,
  type ParsedScenario,
} from './schema.js';
import { formatQuantity, MEMORY } from './units.js';

/** What the loader needs to know about the world; tests give their own. */
export interface LoadContext {
  readonly catalogue: Catalogue;
  /** Bytes of flat memory that a host would take, and how many there can be. */
  readonly hostBytes?: (
    pcpus: number,
    domains: readonly DomainSpec[],
  ) => { readonly needed: number; readonly limit: number };
  /** Throws if the file is not an image that can be started; its message says why. */
  readonly inspectImage?: (bytes: Uint8Array, memoryBytes: number) => void;
}

const MAX_IMAGE = 64 * 1024 ** 2;

/** Reads and checks a scenario file. @throws ScenarioError with every problem found */
export function loadScenario(file: string, sets: readonly string[], context: LoadContext): Scenario {
  const unreadable = (problem: string): ScenarioError =>
    new ScenarioError([{ file, line: 0, column: 0, problem, allowed: 'the path of a scenario file (.yaml)' }]);
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > 8 * 1024 ** 2) throw unreadable(`the file has ${size} bytes`);
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    if (error instanceof ScenarioError) throw error;
    throw unreadable(readFault(error));
  }
  return parseScenario(file, text, sets, context);
}

function readFault(error: unknown): string {
  if (error instanceof TypeError) return 'the file is not UTF-8 text';
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'no such file';
    case 'EISDIR':
      return 'is a folder';
    case 'EACCES':
      return 'cannot be read: permission denied';
    default:
      return `cannot be read: ${(error as Error).message}`;
  }
}

/** Checks a scenario text; `file` is for messages and for relative paths. @throws ScenarioError */
export function parseScenario(file: string, text: string, sets: readonly string[], context: LoadContext): Scenario {
  const source = new SourceDocument(file, text);
  for (const argument of sets) source.set(argument);
  if (source.broken) throw new ScenarioError(source.problems);
  return new Loader(source, context).load();
}

class Loader {
  private readonly source: SourceDocument;
  private readonly context: LoadContext;
  private readonly problems: Problem[];

  constructor(source: SourceDocument, context: LoadContext) {
    this.source = source;
    this.context = context;
    this.problems = source.problems;
  }

  private report(path: Path, problem: string, allowed: string, want: 'key' | 'value' = 'value'): void {
    const subject = path.length === 0 ? '' : `${path.join('.')}: `;
    this.problems.push({ ...this.source.place(path, want), problem: `${subject}${problem}`, allowed });
  }

  load(): Scenario {
    const value = this.source.value();
    if (this.source.broken) throw new ScenarioError(this.problems);
    const schema = Array.isArray((value as { domains?: unknown } | null)?.domains) ? listedScenario : mappedScenario;
    const result = schema.safeParse(value ?? {});
    if (!result.success) {
      for (const issue of result.error.issues) this.reportIssue(schema, value, issue);
      throw new ScenarioError(this.problems);
    }
    const scenario = this.complete(result.data);
    if (this.problems.length > 0) throw new ScenarioError(this.problems);
    return scenario;
  }

  private reportIssue(schema: z.ZodType, value: unknown, issue: z.core.$ZodIssue): void {
    const path = issue.path as (string | number)[];
    switch (issue.code) {
      case 'unrecognized_keys': {
        const keys = keysAt(schema, path);
        for (const key of issue.keys) {
          const where = path.length === 0 ? '' : `${path.join('.')}: `;
          const place = this.source.place([...path, key], 'key');
          const problem = `${where}unknown key ${quote(key)}${suggest(key, keys)}`;
          this.problems.push({ ...place, problem, allowed: listNames(keys) });
        }
        return;
      }
      case 'custom':
        this.report(path, issue.message, String(issue.params?.allowed));
        return;
      default: {
        const isDomains = path.length === 1 && path[0] === 'domains';
        const keys = keysAt(schema, path);
        const missing = isDomains && !Object.hasOwn(Object(value), 'domains');
        const allowed = isDomains
          ? 'a map or a list of domains'
          : keys.length > 0
            ? `a map of ${listNames(keys)}`
            : 'a list';
        this.report(path, missing ? 'is missing' : describe(issue), allowed);
      }
    }
  }

  private complete(parsed: ParsedScenario): Scenario {
    const { host, limits } = parsed;
    if (host.quantum > 0 && (host.quantum * host.frequency) / 1e9 < 1000) {
      this.report(['host', 'quantum'], 'is shorter than 1000 cycles', 'a longer quantum or a higher frequency');
    }
    const domains = this.domains(parsed);
    const { file } = this.source;
    const name = basename(file, extname(file));
    if (this.problems.length === 0) this.checkMemory(host.pcpus, domains);
    return {
      name,
      file,
      title: parsed.title ?? name,
      description: parsed.description ?? '',
      host: {
        pcpus: host.pcpus,
        frequencyHz: host.frequency,
        quantumNs: host.quantum,
        sliceNs: host.slice,
        clock: host.clock,
        seed: host.seed,
        ...(host.workers !== undefined && { workers: host.workers }),
      },
      limitNs: limits.time,
      domains,
    };
  }

  private domains(parsed: ParsedScenario): DomainSpec[] {
    const listed = Array.isArray(parsed.domains);
    const entries: [string | number, string | undefined, ParsedDomain][] = Array.isArray(parsed.domains)
      ? parsed.domains.map((domain, index) => [index, domain.name, domain])
      : Object.entries(parsed.domains).map(([name, domain]) => [name, name, domain]);
    if (entries.length === 0) this.report(['domains'], 'has no domain', 'at least one domain with a guest');
    const specs: DomainSpec[] = [];
    const taken = new Map<string, Path>();
    for (const [step, given, domain] of entries) {
      const path = ['domains', step];
      const namePath = listed ? [...path, given === undefined ? 'guest' : 'name'] : path;
      const name = given ?? defaultName(domain.guest);
      if (!isName(name)) {
        this.report(namePath, `${quote(name)} cannot be a name`, NAME_ALLOWED, 'key');
        continue;
      }
      const count = domain.count ?? 1;
      if (specs.length + count > LIMITS.domains) {
        const problem = `makes ${specs.length + count} domains`;
        this.report(
          [...path, ...(domain.count === undefined ? [] : ['count'])],
          problem,
          `at most ${LIMITS.domains} in all`,
        );
        break;
      }
      const spec = this.domain(path, name, domain, parsed.host.pcpus);
      for (let index = 0; index < count; index++) {
        const full = domain.count === undefined ? name : `${name}-${index}`;
        const first = taken.get(full);
        if (first !== undefined) {
          const place = this.source.place(first);
          const where = place.line > 0 ? ` (first in line ${place.line})` : '';
          const allowed = listed && given === undefined ? 'a name for each, or a count' : 'each name once';
          this.report(namePath, `the name ${quote(full)} is used twice${where}`, allowed, listed ? 'value' : 'key');
          break;
        }
        taken.set(full, namePath);
        if (spec !== undefined) specs.push({ ...spec, name: full });
      }
    }
    return specs;
  }

  private domain(path: Path, name: string, domain: ParsedDomain, pcpus: number): DomainSpec | undefined {
    if (domain.pcpu !== undefined && domain.pcpu >= pcpus) {
      this.report([...path, 'pcpu'], `the host has no physical CPU ${domain.pcpu}`, `0 to ${pcpus - 1}`);
    }
    const image = this.guest([...path, 'guest'], domain.guest);
    const modules = (domain.modules ?? []).map((module, index) => {
      const at = this.file([...path, 'modules', index, 'file'], module.file);
      return { name: module.name ?? module.file, path: at ?? '' };
    });
    const translation = this.translation(path, domain);
    if (image === undefined) return undefined;
    this.inspect(path, image, domain);
    return {
      name,
      guest: domain.guest,
      path: image,
      memoryBytes: domain.memory,
      cmdline: domain.cmdline,
      translation,
      modules,
      ...(domain.pcpu !== undefined && { pcpu: domain.pcpu }),
      ...(domain.input !== undefined && { input: domain.input }),
      ...(domain['max-instructions'] !== undefined && { maxInstructions: domain['max-instructions'] }),
      ...(domain.expect !== undefined && { expect: this.expectation(path, domain) }),
    };
  }

  private translation(path: Path, domain: ParsedDomain): DomainSpec['translation'] {
    const { kind, page = '4k', 'accessed-dirty': accessedDirty = true } = domain.translation;
    const at = [...path, 'translation'];
    if (kind === 'direct') {
      for (const key of ['page', 'accessed-dirty'] as const) {
        if (domain.translation[key] === undefined) continue;
        this.report(
          [...at, key],
          'has no meaning with kind: direct',
          'kind: ept, or neither page nor accessed-dirty',
          'key',
        );
      }
      return { kind };
    }
    const pageBytes = { '4k': 4096, '2m': 2 * 1024 ** 2, '1g': 1024 ** 3 }[page];
    if (domain.memory % pageBytes !== 0) {
      const size = formatQuantity(MEMORY, domain.memory);
      this.report(
        [...path, 'memory'],
        `${size} does not fill EPT pages of ${page}`,
        `a multiple of ${formatQuantity(MEMORY, pageBytes)}`,
      );
    }
    return { kind, pageSize: page, accessedDirty };
  }

  private expectation(path: Path, domain: ParsedDomain): NonNullable<DomainSpec['expect']> {
    const { outcome, checksum } = domain.expect ?? {};
    const { catalogue } = this.context;
    if (checksum === 'native' && (looksLikePath(domain.guest) || !catalogue.hasNative(domain.guest, domain.cmdline))) {
      const problem = `no native checksum is recorded for the guest ${quote(domain.guest)} with this command line`;
      this.report(
        [...path, 'expect', 'checksum'],
        problem,
        '8 hexadecimal digits, or a guest of guests/native/expected.json',
      );
    }
    return { ...(outcome !== undefined && { outcome }), ...(checksum !== undefined && { checksum }) };
  }

  private guest(path: Path, guest: string): string | undefined {
    if (looksLikePath(guest)) return this.file(path, guest);
    const found = this.context.catalogue.find(guest);
    if (found !== undefined) return found;
    const { names } = this.context.catalogue;
    this.report(
      path,
      `no guest ${quote(guest)}${suggest(guest, names)}`,
      `${listNames(names)}, or the path of an ELF file`,
    );
    return undefined;
  }

  /** Absolute path of a file that the scenario names. */
  private file(path: Path, name: string): string | undefined {
    const absolute = resolve(dirname(this.source.file), name);
    let fault: string | undefined;
    try {
      const stat = statSync(absolute);
      if (!stat.isFile()) fault = 'is not a file';
      else if (stat.size > MAX_IMAGE) fault = `has ${stat.size} bytes`;
    } catch (error) {
      fault = name.includes('\0') ? 'is not a path' : readFault(error);
    }
    if (fault === undefined) return absolute;
    const allowed = `a file of at most ${formatQuantity(MEMORY, MAX_IMAGE)}, relative to the scenario`;
    this.report(path, `${quote(name)}: ${fault}`, allowed);
    return undefined;
  }

  private inspect(path: Path, image: string, domain: ParsedDomain): void {
    try {
      this.context.inspectImage?.(readFileSync(image), domain.memory);
    } catch (error) {
      const allowed = 'an ELF32 i386 Multiboot image that fits the memory';
      this.report([...path, 'guest'], `${quote(domain.guest)}: ${(error as Error).message}`, allowed);
    }
  }

  private checkMemory(pcpus: number, domains: readonly DomainSpec[]): void {
    const bytes = this.context.hostBytes?.(pcpus, domains);
    if (bytes === undefined || bytes.needed <= bytes.limit) return;
    const [needed, limit] = [bytes.needed, bytes.limit].map((size) => `${Math.ceil(size / 1024 ** 2)} MiB`);
    this.report(
      ['domains'],
      `the host would need ${needed} with its tables`,
      `at most ${limit} in all: less memory or fewer domains`,
      'key',
    );
  }
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_big') return 'has too many items';
  return issue.code === 'invalid_type' ? 'has the wrong type' : issue.message;
}

/** `images/my guest.elf` → `my guest` */
function defaultName(guest: string): string {
  return looksLikePath(guest) ? basename(guest, extname(guest)) : guest;
}
