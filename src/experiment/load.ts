/**
 * Scenario file → Scenario, or every problem at once.
 *
 *   text → SourceDocument (YAML, --set) → schema (fields) → rules between fields → guests on disk → Scenario
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import type { z } from 'zod';
import { type Path, SourceDocument } from './document.js';
import { type Catalogue, type CatalogueEntry, looksLikePath } from './guests.js';
import { listNames, type Problem, quote, ScenarioError, suggest } from './problem.js';
import type { DomainSpec, Expectation, Scenario } from './scenario.js';
import {
  domainSchema,
  isName,
  keysAt,
  LIMITS,
  listedDomainSchema,
  NAME_ALLOWED,
  type ParsedDomain,
  type ParsedScenario,
  scenarioSchema,
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
  /** Throws if a domain could not be started like this; the message says why. */
  readonly inspectImage?: (boot: Boot) => void;
  /** Bytes that can wait at the serial port. */
  readonly inputBytes?: () => number;
}

/** What a domain starts from. */
export interface Boot {
  readonly image: Uint8Array;
  readonly imageName: string;
  readonly memoryBytes: number;
  readonly cmdline: string;
  readonly modules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
}

/** A guest of the catalogue, or a file of the user. */
type GuestImage = Pick<CatalogueEntry, 'path' | 'cmdline' | 'input'> & Partial<CatalogueEntry>;

const MAX_IMAGE = 256 * 1024 ** 2;

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
    const value = this.source.value() ?? {};
    if (this.source.broken) throw new ScenarioError(this.problems);
    const parsed = this.read(scenarioSchema, value, []);
    const domains = this.domains(value, parsed?.host.pcpus);
    if (parsed !== undefined && this.problems.length === 0) this.checkHost(parsed, domains);
    if (parsed === undefined || this.problems.length > 0) throw new ScenarioError(this.problems);
    const { host, limits, title, description = '' } = parsed;
    const { file } = this.source;
    const name = basename(file, extname(file));
    return {
      ...{ name, file, title: title ?? name, description },
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

  /** Reads one part of the scenario; its problems are reported with `prefix` before their paths. */
  private read<T>(schema: z.ZodType<T>, value: unknown, prefix: Path): T | undefined {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.reportIssue(schema, issue, prefix);
    return undefined;
  }

  private reportIssue(schema: z.ZodType, issue: z.core.$ZodIssue, prefix: Path): void {
    const inner = issue.path as (string | number)[];
    const path = [...prefix, ...inner];
    const keys = keysAt(schema, inner);
    if (issue.code === 'custom') {
      this.report(path, issue.message, String(issue.params?.allowed));
    } else if (issue.code === 'unrecognized_keys') {
      const where = path.length === 0 ? '' : `${path.join('.')}: `;
      for (const key of issue.keys) {
        const problem = `${where}unknown key ${quote(key)}${suggest(key, keys)}`;
        this.problems.push({ ...this.source.place([...path, key], 'key'), problem, allowed: listNames(keys) });
      }
    } else {
      const problem = issue.code === 'too_big' ? 'has too many items' : 'has the wrong type';
      this.report(path, problem, keys.length > 0 ? `a map of ${listNames(keys)}` : 'a list of at most 64 items');
    }
  }

  private checkHost(parsed: ParsedScenario, domains: readonly DomainSpec[]): void {
    const { host } = parsed;
    for (const key of ['quantum', 'slice'] as const) {
      if ((host[key] * host.frequency) / 1e9 >= 1000) continue;
      this.report(['host', key], 'is shorter than 1000 cycles', 'a longer time or a higher frequency');
    }
    this.checkMemory(host.pcpus, domains);
  }

  private domains(scenario: unknown, pcpus: number | undefined): DomainSpec[] {
    if (typeof scenario !== 'object' || scenario === null || Array.isArray(scenario)) return []; // told already
    const value = (scenario as { domains?: unknown }).domains;
    const listed = Array.isArray(value);
    if (typeof value !== 'object' || value === null) {
      const problem = value === undefined ? 'is missing' : 'has the wrong type';
      this.report(['domains'], problem, 'a map or a list of domains');
      return [];
    }
    const entries = Object.entries(value);
    if (entries.length === 0) this.report(['domains'], 'has no domain', 'at least one domain with a guest');
    const specs: DomainSpec[] = [];
    const names = new Names(this.source, (...problem) => this.report(...problem));
    let total = 0;
    for (const [step, raw] of entries) {
      const path = ['domains', step];
      const domain = this.read<ParsedDomain & { name?: string | undefined }>(
        listed ? listedDomainSchema : domainSchema,
        raw,
        path,
      );
      const guest: unknown = Object(raw).guest;
      const given: unknown = listed ? Object(raw).name : step;
      const name = typeof given === 'string' ? given : defaultName(typeof guest === 'string' ? guest : '');
      const count = domain?.count ?? 1;
      total += count;
      if (total > LIMITS.domains) {
        this.report(
          [...path, ...(domain?.count === undefined ? [] : ['count'])],
          `makes ${total} domains`,
          `at most ${LIMITS.domains} in all`,
        );
        break;
      }
      const own = names.take(
        name,
        domain?.count,
        !listed ? path : [...path, given === undefined ? 'guest' : 'name'],
        listed,
        given !== undefined,
      );
      if (domain === undefined) {
        if (typeof guest === 'string') this.guest([...path, 'guest'], guest); // told together with the domain's other mistakes
        continue;
      }
      const spec = this.domain(path, name, domain, pcpus);
      if (spec !== undefined) specs.push(...own.map((full) => ({ ...spec, name: full })));
    }
    return specs;
  }

  private domain(
    path: Path,
    name: string,
    domain: ParsedDomain,
    pcpus = Number.POSITIVE_INFINITY,
  ): DomainSpec | undefined {
    if (domain.pcpu !== undefined && domain.pcpu >= pcpus) {
      this.report([...path, 'pcpu'], `the host has no physical CPU ${domain.pcpu}`, `0 to ${pcpus - 1}`);
    }
    const image = this.guest([...path, 'guest'], domain.guest);
    const memoryBytes = domain.memory ?? Math.max(LIMITS.memoryDefault, image?.memoryBytes ?? 0);
    const translation = this.translation(path, domain, memoryBytes);
    const modules = (domain.modules ?? []).map((module, index) => {
      const found = this.file([...path, 'modules', index, 'file'], module.file);
      return { name: module.name ?? module.file, path: found ?? '' };
    });
    if (image === undefined) return undefined;
    const cmdline = domain.cmdline ?? image.cmdline;
    const input = domain.input ?? image.input;
    const inputBytes = this.context.inputBytes?.() ?? LIMITS.inputMax;
    if (input !== undefined && input.length > inputBytes) {
      this.report([...path, 'input'], `${input.length} characters are too many`, `at most ${inputBytes} characters`);
    }
    if (modules.every((module) => module.path !== '')) {
      this.inspect([...path, 'guest'], domain.guest, image.path, { memoryBytes, cmdline, modules });
    }
    const maxInstructions = domain['max-instructions'];
    return {
      ...{ name, guest: domain.guest, path: image.path, memoryBytes, cmdline, translation, modules },
      ...(domain.pcpu !== undefined && { pcpu: domain.pcpu }),
      ...(input !== undefined && { input }),
      ...(maxInstructions !== undefined && { maxInstructions }),
      ...(domain.expect !== undefined && { expect: this.expectation(path, domain, image.image, cmdline) }),
    };
  }

  private translation(path: Path, domain: ParsedDomain, memoryBytes: number): DomainSpec['translation'] {
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
    if (memoryBytes % pageBytes !== 0) {
      const size = formatQuantity(MEMORY, memoryBytes);
      this.report(
        [...path, 'memory'],
        `${size} does not fill EPT pages of ${page}`,
        `a multiple of ${formatQuantity(MEMORY, pageBytes)}`,
      );
    }
    return { kind, pageSize: page, accessedDirty };
  }

  private expectation(path: Path, domain: ParsedDomain, image: string | undefined, cmdline: string): Expectation {
    const { outcome, checksum: written } = domain.expect ?? {};
    const native = image === undefined ? undefined : this.context.catalogue.native(image, cmdline);
    if (written === 'native' && native === undefined) {
      const problem = `no native checksum is recorded for the guest ${quote(domain.guest)} with cmdline ${quote(cmdline)}`;
      this.report(
        [...path, 'expect', 'checksum'],
        problem,
        '8 hexadecimal digits, or a run of guests/native/expected.json',
      );
    }
    const checksum = written === 'native' ? native : written;
    return { ...(outcome !== undefined && { outcome }), ...(checksum !== undefined && { checksum }) };
  }

  private guest(path: Path, guest: string): GuestImage | undefined {
    if (looksLikePath(guest)) {
      const found = this.file(path, guest);
      return found === undefined ? undefined : { path: found, cmdline: '' };
    }
    const { catalogue } = this.context;
    const found = catalogue.find(guest);
    if (found !== undefined) return found;
    const { names } = catalogue;
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

  private inspect(
    path: Path,
    guest: string,
    file: string,
    { memoryBytes, cmdline, modules }: Pick<DomainSpec, 'memoryBytes' | 'cmdline' | 'modules'>,
  ): void {
    if (this.context.inspectImage === undefined) return;
    try {
      const loaded = modules.map((module) => ({ name: module.name, bytes: readFileSync(module.path) }));
      const boot = { image: readFileSync(file), imageName: basename(file), memoryBytes, cmdline, modules: loaded };
      this.context.inspectImage(boot);
    } catch (error) {
      const allowed = 'an ELF32 i386 Multiboot image that fits the memory';
      this.report(path, `${quote(guest)}: ${(error as Error).message}`, allowed);
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

/** The names of all domains, counts expanded: each once. */
class Names {
  private readonly taken = new Map<string, Path>();
  private readonly source: SourceDocument;
  private readonly report: (path: Path, problem: string, allowed: string, want: 'key' | 'value') => void;

  constructor(source: SourceDocument, report: Names['report']) {
    this.source = source;
    this.report = report;
  }

  /** @returns the names of a domain: `name`, or `name-0` … with a count */
  take(name: string, count: number | undefined, path: Path, listed: boolean, given: boolean): string[] {
    if (name === '' && !given) return []; // it has no guest either, and that is told
    const want = listed ? 'value' : 'key';
    if (!isName(name)) {
      if (!listed || !given) this.report(path, `${quote(name)} cannot be a name`, NAME_ALLOWED, want);
      return [];
    }
    const names = count === undefined ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index}`);
    const twice = names.find((full) => this.taken.has(full));
    if (twice !== undefined) {
      const { line } = this.source.place(this.taken.get(twice) ?? []);
      const where = line > 0 ? ` (first in line ${line})` : '';
      const allowed = listed && !given ? 'a name for each, or a count' : 'each name once';
      this.report(path, `the name ${quote(twice)} is used twice${where}`, allowed, want);
      return [];
    }
    for (const full of names) this.taken.set(full, path);
    return names;
  }
}

/** `images/my guest.elf` → `my guest` */
function defaultName(guest: string): string {
  return looksLikePath(guest) ? basename(guest, extname(guest)) : guest;
}
