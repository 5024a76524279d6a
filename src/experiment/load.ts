/**
 * Scenario file → Scenario, or every problem at once.
 *
 *   text → SourceDocument (YAML, include:, --set) → Draft (templates, swept values) → schema (fields)
 *        → rules between fields → guests on disk → Scenario
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import type { z } from 'zod';
import { checkClaims, type ParameterTypes } from './claims.js';
import type { Path, SourceDocument } from './document.js';
import { type Draft, isData } from './draft.js';
import { type Catalogue, type CatalogueEntry, looksLikePath } from './guests.js';
import { listNames, type Problem, quote, suggest } from './problem.js';
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
  templateSchema,
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

export interface Loaded {
  readonly scenario: Scenario;
  readonly parsed: ParsedScenario;
}

/** A guest of the catalogue, or a file of the user. */
type GuestImage = Pick<CatalogueEntry, 'path' | 'cmdline' | 'input'> & Partial<CatalogueEntry>;

const MAX_IMAGE = 256 * 1024 ** 2;

/** Text of a scenario file. @throws Error whose message says why it cannot be read */
export function readScenarioText(file: string): string {
  try {
    const { size } = statSync(file);
    if (size > 8 * 1024 ** 2) throw new RangeError(`the file has ${size} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    throw error instanceof RangeError ? error : new Error(readFault(error));
  }
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

/** What is known of files, so that the cells of a batch ask once. */
export class Disk {
  private readonly faults = new Map<string, string | undefined>();
  private readonly contents = new Map<string, Uint8Array>();
  private readonly inspected = new Map<string, string | undefined>();

  /** Why the file cannot be used, if so. */
  fault(path: string): string | undefined {
    if (this.faults.has(path)) return this.faults.get(path);
    let fault: string | undefined;
    try {
      const stat = statSync(path);
      if (!stat.isFile()) fault = 'is not a file';
      else if (stat.size > MAX_IMAGE) fault = `has ${stat.size} bytes`;
    } catch (error) {
      fault = path.includes('\0') ? 'is not a path' : readFault(error);
    }
    this.faults.set(path, fault);
    return fault;
  }

  read(path: string): Uint8Array {
    const bytes = this.contents.get(path) ?? new Uint8Array(readFileSync(path));
    this.contents.set(path, bytes);
    return bytes;
  }

  /** Answers of `ask` by `key`: the message of what it throws. */
  once(key: string, ask: () => void): string | undefined {
    if (this.inspected.has(key)) return this.inspected.get(key);
    let message: string | undefined;
    try {
      ask();
    } catch (error) {
      message = (error as Error).message;
    }
    this.inspected.set(key, message);
    return message;
  }
}

/** Checks one draft of a scenario. */
export class Loader {
  private readonly source: SourceDocument;
  private readonly context: LoadContext;
  private readonly draft: Draft;
  private readonly disk: Disk;
  private readonly parameters: ParameterTypes;
  readonly problems: Problem[] = [];

  constructor(source: SourceDocument, context: LoadContext, draft: Draft, disk: Disk, parameters: ParameterTypes) {
    this.source = source;
    this.context = context;
    this.draft = draft;
    this.disk = disk;
    this.parameters = parameters;
  }

  private report(path: Path, problem: string, allowed: string, want: 'key' | 'value' = 'value'): void {
    const origin = this.draft.origin(path);
    // A template's mistake is told once, whoever uses it.
    const named = origin[0] === 'templates' ? origin : path;
    const subject = named.length === 0 ? '' : `${named.join('.')}: `;
    this.problems.push({ ...this.source.place(origin, want), problem: `${subject}${problem}`, allowed });
  }

  /** @returns undefined if there is a problem */
  load(): Loaded | undefined {
    this.draft.expandTemplates((...problem) => this.report(...problem));
    const value = this.draft.value ?? {};
    const parsed = this.read(scenarioSchema, value, []);
    this.templates(value);
    const domains = this.domains(value, parsed?.host.pcpus);
    if (parsed !== undefined && this.problems.length === 0) this.checkHost(parsed, domains);
    if (parsed === undefined || this.problems.length > 0) return undefined;
    const { host, limits, title, description = '', expect = [] } = parsed;
    for (const { path, problem, allowed } of checkClaims(expect, domains, this.parameters)) {
      this.report(path, problem, allowed);
    }
    if (this.problems.length > 0) return undefined;
    const { file } = this.source;
    const name = basename(file, extname(file));
    const scenario: Scenario = {
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
      ...(expect.length > 0 && {
        claims: expect.map(({ claim, that, when }) => ({ claim, that, ...(when !== undefined && { when }) })),
      }),
    };
    return { scenario, parsed };
  }

  /** Templates are checked by themselves too: also those that nobody uses. */
  private templates(scenario: unknown): void {
    const templates = isData(scenario) ? scenario.templates : undefined;
    if (templates === undefined) return;
    if (!isData(templates)) {
      this.report(['templates'], 'has the wrong type', 'a map of templates by name');
      return;
    }
    for (const [name, template] of Object.entries(templates)) this.read(templateSchema, template, ['templates', name]);
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
      const origin = this.draft.origin(path);
      const named = origin[0] === 'templates' ? origin : path;
      const where = named.length === 0 ? '' : `${named.join('.')}: `;
      for (const key of issue.keys) {
        const problem = `${where}unknown key ${quote(key)}${suggest(key, keys)}`;
        const place = this.source.place(this.draft.origin([...path, key]), 'key');
        this.problems.push({ ...place, problem, allowed: listNames(keys) });
      }
    } else {
      this.report(path, ...structural(issue, keys));
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
    const lineOf = (path: Path): number => this.source.place(this.draft.origin(path)).line;
    const names = new Names(lineOf, (...problem) => this.report(...problem));
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
      ...(domain.cpuid?.hide !== undefined && { cpuidHide: domain.cpuid.hide }),
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
    // Relative to the file that says so, which may be an included one.
    const { file } = this.source.place(this.draft.origin(path));
    const absolute = resolve(dirname(file), name);
    const fault = this.disk.fault(absolute);
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
    const { inspectImage } = this.context;
    if (inspectImage === undefined) return;
    const key = JSON.stringify([file, memoryBytes, cmdline, modules]);
    const message = this.disk.once(key, () => {
      const loaded = modules.map((module) => ({ name: module.name, bytes: this.disk.read(module.path) }));
      inspectImage({ image: this.disk.read(file), imageName: basename(file), memoryBytes, cmdline, modules: loaded });
    });
    if (message === undefined) return;
    this.report(path, `${quote(guest)}: ${message}`, 'an ELF32 i386 Multiboot image that fits the memory');
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

/** What is said about a value of the wrong kind. */
function structural(issue: z.core.$ZodIssue, keys: readonly string[]): [problem: string, allowed: string] {
  if (issue.code === 'too_big') return ['has too many items', `at most ${issue.maximum} items`];
  if (issue.code === 'too_small') return ['has too few items', `at least ${issue.minimum}`];
  const expected = issue.code === 'invalid_type' ? issue.expected : '';
  if (expected === 'record') return ['has the wrong type', 'a map'];
  if (issue.code === 'invalid_union') return ['has the wrong type', 'a text, a number, true, false or a map'];
  return ['has the wrong type', keys.length > 0 ? `a map of ${listNames(keys)}` : 'a list of at most 64 items'];
}

/** The names of all domains, counts expanded: each once. */
class Names {
  private readonly taken = new Map<string, Path>();
  private readonly lineOf: (path: Path) => number;
  private readonly report: (path: Path, problem: string, allowed: string, want: 'key' | 'value') => void;

  constructor(lineOf: Names['lineOf'], report: Names['report']) {
    this.lineOf = lineOf;
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
      const line = this.lineOf(this.taken.get(twice) ?? []);
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
