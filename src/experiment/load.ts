/**
 * Scenario file → Scenario, or every problem at once.
 *
 *   text → SourceDocument (YAML, include:, --set) → Draft (templates, swept values) → schema (fields)
 *        → rules between fields → guests on disk → Scenario
 */
import { basename, extname } from 'node:path';
import type { z } from 'zod';
import type { HookRule } from '../hypervisor/hooks.js';
import { DEFAULT_SMM, mostPinned, pinnedPages, SLOTS_MIN } from '../hypervisor/smm.js';
import type { SmmConfig } from '../hypervisor/types.js';
import { settingsOf } from './boot.js';
import { checkClaims, type ParameterTypes } from './claims.js';
import type { Disk } from './disk.js';
import type { Path, SourceDocument } from './document.js';
import { type Draft, isData } from './draft.js';
import { DomainLoader, type LoadContext } from './load-domain.js';
import { defaultName, Names } from './names.js';
import { listNames, type Problem, quote, suggest } from './problem.js';
import type { BootSpec, DomainSpec, HostSpec, Scenario } from './scenario.js';
import { type ParsedScenario, scenarioSchema } from './schema.js';
import { domainSchema, listedDomainSchema, type ParsedDomain, templateSchema } from './schema-domain.js';
import { keysAt, LIMITS } from './schema-fields.js';
import { formatQuantity, TIME } from './units.js';

export interface Loaded {
  readonly scenario: Scenario;
  readonly parsed: ParsedScenario;
}

/** Checks one draft of a scenario. */
export class Loader {
  private readonly source: SourceDocument;
  private readonly context: LoadContext;
  private readonly draft: Draft;
  private readonly one: DomainLoader;
  private readonly parameters: ParameterTypes;
  readonly problems: Problem[] = [];

  constructor(source: SourceDocument, context: LoadContext, draft: Draft, disk: Disk, parameters: ParameterTypes) {
    this.source = source;
    this.context = context;
    this.draft = draft;
    this.one = new DomainLoader(
      context,
      disk,
      (...problem) => this.report(...problem),
      (path) => source.place(draft.origin(path)),
    );
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
    const until = parsed !== undefined && this.problems.length === 0 ? this.boot(parsed, domains) : undefined;
    if (parsed === undefined || this.problems.length > 0) return undefined;
    const { limits, title, description = '', expect = [], security = [] } = parsed;
    this.checkSecurity(security, domains);
    for (const { path, problem, allowed } of checkClaims(expect, domains, this.parameters)) {
      this.report(path, problem, allowed);
    }
    if (this.problems.length > 0) return undefined;
    const { file } = this.source;
    const name = basename(file, extname(file));
    const scenario: Scenario = {
      name,
      file,
      title: title ?? name,
      description,
      host: hostSpec(parsed),
      limitNs: limits.time,
      domains,
      ...(security.length > 0 && { security: security.map(securityRule) }),
      ...(expect.length > 0 && {
        claims: expect.map(({ claim, that, when }) => ({ claim, that, ...(when !== undefined && { when }) })),
      }),
    };
    return {
      scenario: until === undefined ? scenario : { ...scenario, boot: { until, before: settingsOf(scenario) } },
      parsed,
    };
  }

  /** The end of boot, if the scenario has one. */
  private boot({ boot, limits }: ParsedScenario, domains: readonly DomainSpec[]): BootSpec['until'] | undefined {
    if (boot === undefined) return undefined;
    const { until, prints, retired } = boot;
    const given = (['until', 'prints', 'retired'] as const).filter((key) => boot[key] !== undefined);
    if (given.length !== 1) {
      const problem = given.length === 0 ? 'does not say when it ends' : `ends twice: ${given.join(' and ')}`;
      this.report(['boot'], problem, 'one of until, prints, retired', 'key');
      return undefined;
    }
    if (until !== undefined) {
      if (boot.domain !== undefined) {
        this.report(['boot', 'domain'], 'has no meaning with until', 'domain with prints or retired', 'key');
      }
      if (limits.time <= until) {
        const allowed = `more than boot.until, ${formatQuantity(TIME, until)}`;
        this.report(['limits', 'time'], 'is over before boot is', allowed);
      }
      return { ns: until };
    }
    const names = domains.map(({ name }) => name);
    const domain = boot.domain ?? (names.length === 1 ? names[0]! : undefined);
    if (domain === undefined) {
      this.report(['boot'], 'does not say whose boot it is', `domain: one of ${listNames(names)}`, 'key');
    } else if (!names.includes(domain)) {
      this.report(['boot', 'domain'], `no domain ${quote(domain)}${suggest(domain, names)}`, listNames(names));
    } else if (prints === '') this.report(['boot', 'prints'], 'is empty', 'a text that the domain prints');
    else return prints !== undefined ? { domain, prints } : { domain, retired: retired! };
    return undefined;
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
    const restored = domains.find(({ restore }) => restore !== undefined);
    if (restored !== undefined && host.clock === 'pcpu') {
      this.report(['host', 'clock'], 'a restored domain has a clock of its own', 'domain');
    }
    for (const { name, restore } of domains) {
      if (restore === undefined || restore.frequencyHz === host.frequency) continue;
      const allowed = `${restore.frequencyHz / 1e6}MHz`;
      this.report(['host', 'frequency'], `the saved domain ${quote(name)} ran at another frequency`, allowed);
    }
    const slots = host['domain-slots'];
    if (slots > 0 && host.memory === undefined) {
      const allowed = 'host.memory with room for the domains to come';
      this.report(['host', 'domain-slots'], "needs the size of the host's memory", allowed, 'key');
    }
    if (slots + domains.length > LIMITS.domains) {
      const allowed = `0 to ${LIMITS.domains - domains.length}`;
      this.report(['host', 'domain-slots'], `makes ${slots + domains.length} domains possible`, allowed);
    }
    const { smm } = host;
    const largest = Math.max(0, ...domains.map(({ memoryBytes }) => memoryBytes / 4096));
    if (smm !== undefined && smm.counters < 2 * largest) {
      this.report(['host', 'smm', 'counters'], `${smm.counters} do not last`, `at least ${2 * largest}: two per page`);
    }
    const pinned = pinnedPages(domains);
    const room = mostPinned(smm?.slots ?? DEFAULT_SMM.slots);
    if (pinned > room) {
      const where = smm === undefined ? ['domains'] : ['host', 'smm', 'slots'];
      this.report(
        where,
        `${pinned} pages are pinned`,
        `at least ${SLOTS_MIN} slots that are not: ${room} pinned pages`,
      );
    }
    for (const [index, name] of (smm?.unnotified ?? []).entries()) {
      if (domains.some((domain) => domain.name === name)) continue;
      const names = domains.map((domain) => domain.name);
      this.report(
        ['host', 'smm', 'unnotified', index],
        `no domain ${quote(name)}${suggest(name, names)}`,
        listNames(names),
      );
    }
    this.checkMemory(hostSpec(parsed), domains);
  }

  /** Rules name domains of the scenario; a name that is none would match nothing, and nobody would notice. */
  private checkSecurity(rules: NonNullable<ParsedScenario['security']>, domains: readonly DomainSpec[]): void {
    const names = domains.map(({ name }) => name);
    for (const [index, rule] of rules.entries()) {
      for (const key of ['subject', 'object'] as const) {
        const name = rule[key];
        if (name === undefined || names.includes(name)) continue;
        this.report(['security', index, key], `no domain ${quote(name)}${suggest(name, names)}`, listNames(names));
      }
    }
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
    for (const [step, written] of entries) {
      const path = ['domains', step];
      const raw = this.asRestored(path, this.asForked(path, written, value));
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
        if (typeof guest === 'string') this.one.guest([...path, 'guest'], guest); // told together with the domain's other mistakes
        continue;
      }
      const spec = this.one.domain(path, name, domain, pcpus);
      if (spec !== undefined) specs.push(...own.map((full) => ({ ...spec, name: full })));
    }
    return specs;
  }

  /** A fork takes over what its template is: one that says something else of that is wrong. */
  private asForked(path: Path, written: unknown, domains: object): unknown {
    if (!isData(written)) return written;
    const of = written['fork-of'];
    if (of === undefined && written['fork-at'] !== undefined) {
      this.report([...path, 'fork-at'], 'has no meaning without fork-of', 'fork-of with it', 'key');
    }
    if (typeof of !== 'string') return written;
    const nameOf = (step: string, domain: unknown): unknown =>
      Array.isArray(domains) ? (isData(domain) ? (domain.name ?? domain.guest) : undefined) : step;
    const single = Object.entries(domains).filter(
      ([, each]) => isData(each) && each['fork-of'] === undefined && each.count === undefined,
    );
    const template: unknown = single.find(([step, each]) => nameOf(step, each) === of)?.[1];
    if (!isData(template)) {
      const allowed = `a domain without count that is no fork: ${listNames(single.map(([step, each]) => String(nameOf(step, each))))}`;
      this.report([...path, 'fork-of'], `${quote(of)} cannot be forked`, allowed);
      return written;
    }
    const kind = isData(template.translation) ? template.translation.kind : undefined;
    const secret = (domain: Readonly<Record<string, unknown>>): boolean =>
      domain.protection !== undefined && domain.protection !== 'none';
    const guest = typeof template.guest === 'string' ? this.context.catalogue.find(template.guest) : undefined;
    const reasons = [
      [kind === 'direct', 'has no EPT'],
      [secret(template), 'is protected'],
      [template.privileged === true, 'is privileged'],
      [(template.disk ?? guest?.disk) !== undefined, 'has a disk'],
    ] as const;
    const why = reasons.find(([holds]) => holds)?.[1];
    if (why !== undefined) {
      const allowed = 'a domain with EPT, without privilege, protection and disk';
      this.report([...path, 'fork-of'], `${quote(of)} ${why}`, allowed);
    }
    if (secret(written)) {
      this.report([...path, 'protection'], 'a fork shares the pages of another domain', 'none', 'value');
    }
    if (written.disk !== undefined) {
      this.report([...path, 'disk'], 'cannot be of a fork', 'a domain that is no fork', 'key');
    }
    for (const key of TEMPLATES_OWN) {
      if (written[key] === undefined) continue;
      this.report(
        [...path, key],
        `is that of ${quote(of)}`,
        'pcpu, input, max-instructions, weight, cap, count, expect',
        'key',
      );
    }
    const own = TEMPLATES_OWN.map((key) => [key, template[key]] as const).filter(([, item]) => item !== undefined);
    return { ...Object.fromEntries(own), input: '', ...written };
  }

  /** A restored domain is what its file says: a scenario that says something else of that is wrong. */
  private asRestored(path: Path, written: unknown): unknown {
    if (!isData(written) || typeof written.restore !== 'string') return written;
    for (const key of SAVED) {
      if (written[key] === undefined) continue;
      const allowed = 'pcpu, max-instructions, weight, cap, count, expect';
      this.report([...path, key], 'is that of the saved domain', allowed, 'key');
    }
    return { ...written, guest: written.restore };
  }

  private checkMemory(host: HostSpec, domains: readonly DomainSpec[]): void {
    const bytes = this.context.hostBytes?.(host, domains);
    if (bytes === undefined) return;
    if (host.memoryBytes !== undefined && host.memoryBytes < bytes.guests) {
      const needed = `${Math.ceil(bytes.guests / 1024 ** 2)}MiB`;
      this.report(['host', 'memory'], `the domains need ${needed} with their tables`, `at least ${needed}`);
    }
    if (bytes.needed <= bytes.limit) return;
    const [needed, limit] = [bytes.needed, bytes.limit].map((size) => `${Math.ceil(size / 1024 ** 2)} MiB`);
    this.report(
      ['domains'],
      `the host would need ${needed} with its tables`,
      `at most ${limit} in all: less memory or fewer domains`,
      'key',
    );
  }
}

/** What a fork has of its template. */
const TEMPLATES_OWN = ['guest', 'memory', 'cmdline', 'translation', 'cpuid', 'modules'];

/** What a restored domain has of its file. */
const SAVED = [...TEMPLATES_OWN, ...['fork-of', 'second-level-tlb', 'protection', 'input', 'apic', 'privileged']];

/** The host in base units. */
function hostSpec({ host }: ParsedScenario): HostSpec {
  return {
    pcpus: host.pcpus,
    frequencyHz: host.frequency,
    quantumNs: host.quantum,
    sliceNs: host.slice,
    clock: host.clock,
    scheduler: host.scheduler,
    boost: host.boost,
    domainSlots: host['domain-slots'],
    seed: host.seed,
    scrub: host.scrub,
    ...(host.memory !== undefined && { memoryBytes: host.memory }),
    ...(host['page-sharing'] !== undefined && { pageSharing: { everyNs: host['page-sharing'].every } }),
    ...(host.smm !== undefined && { smm: smmConfig(host.smm) }),
    ...(host.workers !== undefined && { workers: host.workers }),
  };
}

function smmConfig(smm: NonNullable<ParsedScenario['host']['smm']>): SmmConfig {
  const { 'key-bits': keyBits, unnotified, ...rest } = smm;
  return { ...rest, keyBits: keyBits === '256' ? 256 : 128, ...(unnotified !== undefined && { unnotified }) };
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

function securityRule(rule: NonNullable<ParsedScenario['security']>[number]): HookRule {
  const { operation, subject, object, verdict } = rule;
  return {
    ...(operation !== undefined && { operation }),
    ...(subject !== undefined && { subject }),
    ...(object !== undefined && { object }),
    verdict,
  };
}
