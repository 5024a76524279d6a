/**
 * Scenario file → the cells of a batch, each with its complete scenario; or every problem at once.
 *
 *   SourceDocument → Draft ─┬─ without sweep: and repeat: one cell
 *                           └─ combinations × repeats: a copy of the draft each, checked as if it stood alone
 *
 * Reading a plan touches images only to check them. `identifyPlan` then hashes what decides results, which gives cells their ids.
 */
import { createHash } from 'node:crypto';
import { dirname, relative, resolve } from 'node:path';
import { hasSmm, smmBackend } from '../hypervisor/smm.js';
import type { CostTable } from '../hypervisor/types.js';
import { bootScenario, isInput, isLater, LATER_PATHS, settingsOf } from './boot.js';
import {
  BATCH_FORMAT,
  type Cell,
  type ParameterColumn,
  type ParameterValue,
  type ReportSpec,
  type ResolvedBatch,
} from './cell.js';
import type { ParameterTypes } from './claims.js';
import { checkAcross } from './claims-across.js';
import { Disk, readScenarioText } from './disk.js';
import { type Path, SourceDocument } from './document.js';
import { Draft, isData, PathFault } from './draft.js';
import { canonicalJson, fingerprint } from './fingerprint.js';
import { Loader } from './load.js';
import type { LoadContext } from './load-domain.js';
import { listNames, type Problem, quote, ScenarioError, suggest } from './problem.js';
import { checkReport } from './report-check.js';
import { runId } from './run.js';
import { type AcrossSpec, filesOf, type Scenario, type Settings } from './scenario.js';
import { type ParsedScenario, scenarioSchema } from './schema.js';
import { MAX_CELLS } from './schema-sweep.js';
import { type Assignment, combinations, repeatSeeds, SweepFault, sweepParameters } from './sweep.js';
import { parseQuantity, type Unit } from './units.js';

/** A cell before its id is known. */
export interface Point {
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly repeat: number;
  readonly scenario: Scenario;
}

/** Limits of a cell that never change a result that is completed. */
export interface CellLimits {
  /** Milliseconds of real time. */
  readonly timeMs: number;
  /** Bytes of flat memory. */
  readonly memoryBytes: number;
  /** Bytes that a batch may keep of boots that cells share; 0: every cell boots itself. */
  readonly snapshotBytes: number;
}

export interface DraftPlan {
  /** The scenario's text. */
  readonly text: string;
  /** Texts of included files, by path from the scenario's folder. */
  readonly included: Readonly<Record<string, string>>;
  readonly sets: readonly string[];
  /** Whether it was read from a file. */
  readonly isFile: boolean;
  /** Whether the scenario has a sweep or repeats. */
  readonly isBatch: boolean;
  readonly parameters: readonly ParameterColumn[];
  readonly repeats: number;
  readonly limits: CellLimits;
  readonly report: ReportSpec;
  readonly across: readonly AcrossSpec[];
  /** At least one. */
  readonly points: readonly Point[];
}

export interface PlannedCell {
  readonly cell: Cell;
  readonly scenario: Scenario;
  /** Cells with the same have the same boot; absent without `boot:`. */
  readonly boot?: string;
}

export interface Plan {
  readonly text: string;
  readonly isBatch: boolean;
  readonly limits: CellLimits;
  readonly resolved: ResolvedBatch;
  readonly cells: readonly PlannedCell[];
}

/** Cells with problems after which no more are looked at. */
const MAX_BAD_CELLS = 25;

/** Reads a scenario file into its points. @throws ScenarioError with every problem found */
export function readPlan(file: string, sets: readonly string[], context: LoadContext): DraftPlan {
  let text: string;
  try {
    text = readScenarioText(file);
  } catch (error) {
    const { message: problem } = error as Error;
    throw new ScenarioError([{ file, line: 0, column: 0, problem, allowed: 'the path of a scenario file (.yaml)' }]);
  }
  return { ...parsePlan(file, text, sets, context), isFile: true };
}

/** Checks a scenario text; `file` is for messages and for relative paths. @throws ScenarioError */
export function parsePlan(file: string, text: string, sets: readonly string[], context: LoadContext): DraftPlan {
  const source = new SourceDocument(file, text);
  const included: Record<string, string> = {};
  source.include((path) => {
    const found = readScenarioText(path);
    included[relative(dirname(resolve(file)), path)] = found;
    return found;
  });
  for (const argument of sets) source.set(argument);
  if (source.broken) throw new ScenarioError(source.problems);
  const value = source.value() ?? {};
  if (source.broken) throw new ScenarioError(source.problems);
  return { ...new Planner(source, new Draft(value), text, sets, context).plan(), included };
}

/** The scenario without its sweep being run: the first of its points. @throws ScenarioError */
export function loadScenario(file: string, sets: readonly string[], context: LoadContext): Scenario {
  return readPlan(file, sets, context).points[0]!.scenario;
}

/** As loadScenario, for a text. @throws ScenarioError */
export function parseScenario(file: string, text: string, sets: readonly string[], context: LoadContext): Scenario {
  return parsePlan(file, text, sets, context).points[0]!.scenario;
}

interface Parameter {
  readonly path: string;
  readonly name: string;
  readonly targets: readonly Path[];
  readonly unit: Unit | undefined;
}

class Planner {
  private readonly source: SourceDocument;
  private draft: Draft;
  private readonly text: string;
  private readonly sets: readonly string[];
  private readonly context: LoadContext;
  private readonly disk = new Disk();
  private readonly problems: Problem[];
  /** Parameters that hold only when boot has ended. */
  private readonly later = new Set<string>();
  /** What holds until then, by the values of all other parameters. */
  private readonly settings = new Map<string, Settings>();

  constructor(source: SourceDocument, draft: Draft, text: string, sets: readonly string[], context: LoadContext) {
    this.source = source;
    this.draft = draft;
    this.text = text;
    this.sets = sets;
    this.context = context;
    this.problems = source.problems;
  }

  plan(): Omit<DraftPlan, 'included'> {
    const written = isData(this.draft.value) ? this.draft.value : {};
    const isBatch = (written.sweep ?? undefined) !== undefined || (written.repeat ?? 1) !== 1;
    if (!isBatch) return this.finish(false, [], new Map(), [[]], 1);
    const sweep = scenarioSchema.shape.sweep.safeParse(written.sweep ?? undefined);
    const repeat = scenarioSchema.shape.repeat.safeParse(written.repeat);
    if (!sweep.success) return this.finish(true, [], new Map(), [[]], 1); // it tells what is wrong
    const repeats = repeat.success ? repeat.data : 1; // what is wrong with it is told with the first cell
    const parameters = this.parameters(sweep.data ?? {});
    const unitOf = (path: string): Unit | undefined => parameters.find((each) => each.path === path)?.unit;
    let found: Assignment[][] = [[]];
    try {
      found = combinations(sweep.data ?? {}, unitOf) as Assignment[][];
      if (found.length * repeats > MAX_CELLS) {
        const problem = `makes ${found.length * repeats} cells`;
        throw new SweepFault(['repeat'], problem, `at most ${MAX_CELLS}`);
      }
    } catch (error) {
      if (!(error instanceof SweepFault)) throw error;
      this.report(error.path, error.message, error.allowed);
    }
    const columns = this.columns(parameters, found);
    this.findLater(written, parameters);
    this.draft = this.draft.without('sweep'); // every cell has a copy, and the sweep may be longer than all else
    return this.finish(true, columns, new Map(parameters.map((each) => [each.path, each])), found, repeats);
  }

  private report(path: Path, problem: string, allowed: string, want: 'key' | 'value' = 'value'): void {
    this.problems.push({ ...this.source.place(path, want), problem: `${path.join('.')}: ${problem}`, allowed });
  }

  private parameters(sweep: NonNullable<ParsedScenario['sweep']>): Parameter[] {
    const found: Parameter[] = [];
    const names = new Map<string, string>();
    const places = new Map<string, string>();
    for (const { path, name, origin } of sweepParameters(sweep)) {
      const other = names.get(name);
      if (other !== undefined) {
        const problem = `is swept twice${other === path ? '' : `: ${quote(other)} has the same name`}`;
        this.report(origin, problem, 'each parameter once', 'key');
        continue;
      }
      names.set(name, path);
      try {
        const { paths: targets, unit } = this.draft.targets(path);
        const twice = targets.map((target) => places.get(target.join('\0'))).find((known) => known !== undefined);
        if (twice !== undefined)
          throw new PathFault(`sets the same value as ${quote(twice)}`, 'each value by one parameter');
        for (const target of targets) places.set(target.join('\0'), path);
        found.push({ path, name, targets, unit });
      } catch (error) {
        if (!(error instanceof PathFault)) throw error;
        this.report(origin.slice(0, -1), error.message, error.allowed);
        const last = this.problems.pop()!;
        this.problems.push({ ...last, ...this.source.place(origin, 'key') });
      }
    }
    return found;
  }

  /** Which parameters hold only when boot has ended. */
  private findLater(written: Readonly<Record<string, unknown>>, parameters: readonly Parameter[]): void {
    if (!isData(written.boot)) return;
    const { after } = written.boot;
    const able = parameters.filter(({ targets }) => targets.every(isLater));
    if (!Array.isArray(after)) {
      for (const { path } of able) this.later.add(path);
      return;
    }
    for (const [index, path] of after.entries()) {
      const known = parameters.find((each) => each.path === path);
      if (known === undefined) {
        const swept = parameters.map((each) => each.path);
        const problem = `${quote(path)} is not swept${typeof path === 'string' ? suggest(path, swept) : ''}`;
        this.report(['boot', 'after', index], problem, listNames(swept));
      } else if (!able.includes(known)) {
        const problem = `${quote(path)} is laid out when a host starts: it cannot hold after boot only`;
        this.report(['boot', 'after', index], problem, LATER_PATHS.join(', '));
      } else this.later.add(known.path);
    }
  }

  /** What holds until boot ends: of the scenario as it would be without the values that hold later. */
  private before(
    combination: readonly Assignment[],
    parameters: ReadonlyMap<string, Parameter>,
    types: ParameterTypes,
  ): Settings | undefined {
    const early = combination.filter(({ parameter }) => !this.later.has(parameter));
    const key = JSON.stringify(early.map(({ parameter, value }) => [parameter, value]));
    const known = this.settings.get(key);
    if (known !== undefined) return known;
    const draft = this.draft.copy();
    for (const { parameter, value, origin } of early) {
      for (const target of parameters.get(parameter)?.targets ?? []) draft.assign(target, value, origin);
    }
    for (const path of this.later) {
      for (const target of parameters.get(path)!.targets) if (isInput(target)) draft.assign(target, '', target);
    }
    const loader = new Loader(this.source, this.context, draft, this.disk, types);
    const loaded = loader.load();
    this.problems.push(...loader.problems);
    if (loaded === undefined) return undefined;
    const settings = settingsOf(loaded.scenario);
    this.settings.set(key, settings);
    return settings;
  }

  private columns(parameters: readonly Parameter[], found: readonly (readonly Assignment[])[]): ParameterColumn[] {
    return parameters.map(({ path, name, unit }): ParameterColumn => {
      if (unit !== undefined) return { name, path, type: 'number', ...unitName(unit) };
      const types = new Set(
        found.flatMap((each) => each.filter(({ parameter }) => parameter === path).map(({ value }) => typeof value)),
      );
      const [only] = types;
      return { name, path, type: types.size === 1 && (only === 'number' || only === 'boolean') ? only : 'text' };
    });
  }

  private finish(
    isBatch: boolean,
    columns: readonly ParameterColumn[],
    parameters: ReadonlyMap<string, Parameter>,
    found: readonly (readonly Assignment[])[],
    repeats: number,
  ): Omit<DraftPlan, 'included'> {
    const types: ParameterTypes = new Map(columns.map(({ name, type }) => [name, type]));
    const points: Point[] = [];
    const seeds = new Map<number, readonly number[]>();
    let parsed: ParsedScenario | undefined;
    let bad = 0;
    for (const combination of found) {
      const draft = found.length === 1 && this.later.size === 0 ? this.draft : this.draft.copy();
      const values: Record<string, ParameterValue> = {};
      for (const { parameter, value, origin } of combination) {
        const known = parameters.get(parameter);
        if (known === undefined) continue; // told already
        for (const target of known.targets) draft.assign(target, value, origin);
        values[known.name] = columnValue(value, known.unit, types.get(known.name) ?? 'text');
      }
      const loader = new Loader(this.source, this.context, draft, this.disk, types);
      const loaded = loader.load();
      this.problems.push(...loader.problems);
      const boot = loaded?.scenario.boot;
      const before =
        boot === undefined || this.later.size === 0 ? boot?.before : this.before(combination, parameters, types);
      if (loaded === undefined || (boot !== undefined && before === undefined)) {
        if (++bad >= MAX_BAD_CELLS) break;
        continue;
      }
      parsed ??= loaded.parsed;
      const scenario: Scenario =
        boot === undefined ? loaded.scenario : { ...loaded.scenario, boot: { ...boot, before: before! } };
      const own = seeds.get(scenario.host.seed) ?? repeatSeeds(scenario.host.seed, repeats);
      seeds.set(scenario.host.seed, own);
      for (const [repeat, seed] of own.entries()) {
        const host = { ...scenario.host, seed };
        points.push({ parameters: values, repeat, scenario: repeat === 0 ? scenario : { ...scenario, host } });
      }
    }
    const across = (parsed?.across ?? []) as readonly AcrossSpec[];
    if (parsed !== undefined && this.problems.length === 0)
      this.checkWhole(isBatch, points, across, columns, (parsed.report ?? {}) as ReportSpec);
    if (parsed === undefined || this.problems.length > 0) throw new ScenarioError(this.problems);
    const { limits, report } = parsed;
    return {
      text: this.text,
      sets: this.sets,
      isFile: false,
      isBatch,
      parameters: columns,
      repeats,
      points,
      limits: {
        timeMs: limits['cell-time'] / 1e6,
        memoryBytes: limits['cell-memory'],
        snapshotBytes: limits.snapshots,
      },
      report: (report ?? {}) as ReportSpec,
      across,
    };
  }

  /** What can be judged only with all cells at hand. */
  private checkWhole(
    isBatch: boolean,
    points: readonly Point[],
    across: readonly AcrossSpec[],
    columns: readonly ParameterColumn[],
    report: ReportSpec,
  ): void {
    if (across.length > 0 && !isBatch) {
      this.report(
        ['across'],
        'there is one cell only',
        'a scenario with sweep: or repeat:; expect: for one cell',
        'key',
      );
      return;
    }
    const types: ParameterTypes = new Map(columns.map(({ name, type }) => [name, type]));
    const cells = points.map(({ parameters, scenario: { domains } }) => ({ parameters, domains }));
    const claims = checkAcross(points[0]?.scenario.claims ?? [], across, cells, types);
    for (const { path, problem, allowed } of [...claims, ...checkReport(report, columns)]) {
      this.report(path, problem, allowed);
    }
  }
}

function unitName(unit: Unit): { unit: string } | object {
  const base = { 'a size': 'bytes', 'a time': 'ns', 'a frequency': 'Hz' }[unit.name];
  return base === undefined ? {} : { unit: base };
}

function columnValue(value: unknown, unit: Unit | undefined, type: ParameterColumn['type']): ParameterValue {
  if (unit !== undefined) return parseQuantity(unit, value) ?? 0;
  if (type !== 'text' && (typeof value === 'number' || typeof value === 'boolean')) return value;
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/**
 * SHA-256 over all cells in order, and over what else their records hold and are judged by: names of parameters and guests,
 * claims. Records of plans that differ in any of it do not belong into one batch.
 */
function planHash(cells: readonly PlannedCell[], across: readonly AcrossSpec[]): string {
  const hash = createHash('sha256').update(canonicalJson(across));
  for (const { cell, scenario } of cells) {
    const domains = scenario.domains.map(({ guest, expect }) => ({ guest, expect }));
    hash.update(`\n${canonicalJson([cell.id, cell.parameters, scenario.claims ?? [], domains])}`);
  }
  return hash.digest('hex');
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Gives every cell its id. @throws ScenarioError if two cells are the same */
export function identifyPlan(draft: DraftPlan, costTable: CostTable): Plan {
  const disk = new Disk();
  const hashes = new Map<string, string>();
  const hashOf = (path: string): string => {
    const known = hashes.get(path) ?? sha256(disk.read(path));
    hashes.set(path, known);
    return known;
  };
  const images: Record<string, string> = {};
  const ids = new Map<string, number>();
  const first = draft.points[0]!.scenario;
  const cells = draft.points.map(({ parameters, repeat, scenario }, index): PlannedCell => {
    for (const domain of scenario.domains) {
      for (const { name, path } of [{ name: domain.guest, path: domain.path }, ...filesOf(domain)]) {
        const hash = hashOf(path);
        images[(images[name] ?? hash) === hash ? name : path] = hash; // two files may be called the same
      }
    }
    const id = runId(scenario, costTable, hashOf);
    const twin = ids.get(id);
    if (twin !== undefined) {
      const problem = `cells ${twin} and ${index} are the same run`;
      throw new ScenarioError([
        {
          file: scenario.file,
          line: 0,
          column: 0,
          problem,
          allowed: 'a sweep whose values all differ; repeat: for more seeds',
        },
      ]);
    }
    ids.set(id, index);
    const cell = { index, id, parameters, repeat, seed: scenario.host.seed };
    const { boot } = scenario;
    if (boot === undefined) return { cell, scenario };
    return {
      cell,
      scenario,
      boot: fingerprint({ until: boot.until, run: runId(bootScenario({ ...scenario, boot }), costTable, hashOf) }),
    };
  });
  const plain = cells.map(({ cell }) => cell);
  const encrypted = cells.map(({ scenario }) => ({ ...scenario.host, domains: scenario.domains })).find(hasSmm);
  const { name, title, description, claims = [] } = first;
  return {
    text: draft.text,
    isBatch: draft.isBatch,
    limits: draft.limits,
    cells,
    resolved: {
      format: BATCH_FORMAT,
      name,
      title,
      description,
      sets: draft.sets,
      parameters: draft.parameters,
      repeats: draft.repeats,
      claims,
      across: draft.across,
      report: draft.report,
      images,
      ...(Object.keys(draft.included).length > 0 && { included: draft.included }),
      ...(encrypted !== undefined && { smmBackend: smmBackend(encrypted) }),
      plan: planHash(cells, draft.across),
      cells: plain,
    },
  };
}
