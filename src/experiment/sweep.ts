/**
 * `sweep:` → the combinations of values that the cells have, in a fixed order.
 *
 *   grid × zip × list × random      each that is given; the last varies fastest
 *
 * A value is known with the place where it is written, so that a mistake in it is told there.
 */
import { createHash } from 'node:crypto';
import type { Path } from './document.js';
import { quote } from './problem.js';
import { MAX_CELLS, type ValuesSpec } from './schema-sweep.js';
import { COUNT, parseQuantity, type Unit } from './units.js';

/** A value for the places that a parameter's path leads to. */
export interface Assignment {
  /** As written: `domains.*.memory`. */
  readonly parameter: string;
  readonly value: unknown;
  /** Where the value is written in the scenario. */
  readonly origin: Path;
}

export type Combination = readonly Assignment[];

export interface SweepSpec {
  readonly grid?: Readonly<Record<string, ValuesSpec>> | undefined;
  readonly zip?: Readonly<Record<string, ValuesSpec>> | undefined;
  readonly list?: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly random?:
    | { readonly count: number; readonly seed: number; readonly values: Readonly<Record<string, ValuesSpec>> }
    | undefined;
}

/** A mistake in the sweep. */
export class SweepFault extends Error {
  readonly path: Path;
  readonly allowed: string;
  constructor(path: Path, problem: string, allowed: string) {
    super(problem);
    this.path = path;
    this.allowed = allowed;
  }
}

/** Every parameter of the sweep with its column name and the place of its key. */
export function sweepParameters(sweep: SweepSpec): { path: string; name: string; origin: Path }[] {
  const found: { path: string; name: string; origin: Path }[] = [];
  for (const [kind, group] of [
    ['grid', sweep.grid],
    ['zip', sweep.zip],
  ] as const) {
    for (const [path, spec] of Object.entries(group ?? {})) {
      found.push({ path, name: spec.as ?? path, origin: ['sweep', kind, path] });
    }
  }
  for (const [index, item] of (sweep.list ?? []).entries()) {
    for (const path of Object.keys(item)) {
      const known = found.some((other) => other.path === path && other.origin[1] === 'list');
      if (!known) found.push({ path, name: path, origin: ['sweep', 'list', index, path] });
    }
  }
  for (const [path, spec] of Object.entries(sweep.random?.values ?? {})) {
    found.push({ path, name: spec.as ?? path, origin: ['sweep', 'random', 'values', path] });
  }
  return found;
}

/** The values of a range or a list. `unit` is that of the parameter's place. @throws SweepFault */
function listed(parameter: string, spec: ValuesSpec, at: Path, unit: Unit | undefined): Assignment[] {
  if (spec.values !== undefined) {
    const below = spec.as === undefined ? [] : ['values'];
    return spec.values.map((value, index) => ({ parameter, value, origin: [...at, ...below, index] }));
  }
  const { from, to, step, times } = spec.range!;
  const [first, last] = bounds(spec, at, unit);
  if (spec.range?.scale !== undefined)
    throw new SweepFault([...at, 'scale'], 'has no meaning here', 'scale in random only');
  if ((step === undefined) === (times === undefined)) {
    throw new SweepFault(
      at,
      `the range from ${from} to ${to} has ${step === undefined ? 'no' : 'two'} steps`,
      'step or times',
    );
  }
  const add = step === undefined ? 0 : readNumber(step, unit, [...at, 'step']);
  if (step !== undefined && add <= 0)
    throw new SweepFault([...at, 'step'], `${quote(step)} is not above 0`, 'a number above 0');
  const values: number[] = [];
  for (
    let value = first;
    value <= last;
    value = times === undefined ? value + add : Math.max(value + 1, Math.round(value * times))
  ) {
    values.push(value);
    if (values.length > MAX_CELLS) throw new SweepFault(at, 'the range has too many values', `at most ${MAX_CELLS}`);
  }
  return values.map((value) => ({
    parameter,
    value: unit === undefined ? value : writeNumber(value, unit),
    origin: at,
  }));
}

function bounds(spec: ValuesSpec, at: Path, unit: Unit | undefined): [number, number] {
  const { from, to } = spec.range!;
  const first = readNumber(from, unit, [...at, 'from']);
  const last = readNumber(to, unit, [...at, 'to']);
  if (first > last) throw new SweepFault([...at, 'to'], `${quote(to)} is less than ${quote(from)}`, 'from at most to');
  return [first, last];
}

function readNumber(written: string | number, unit: Unit | undefined, at: Path): number {
  const number = parseQuantity(unit ?? COUNT, written);
  if (number !== undefined) return number;
  const allowed = unit === undefined ? 'a whole number' : unit.examples;
  throw new SweepFault(at, `${quote(written)} is not ${(unit ?? COUNT).name}`, allowed);
}

/** In the unit's base, with the suffix of that base where a plain number is refused. */
function writeNumber(value: number, unit: Unit): string | number {
  if (Object.hasOwn(unit.factors, '')) return value;
  const base = Object.entries(unit.factors).find(([, factor]) => factor === 1)?.[0] ?? '';
  return `${value}${base}`;
}

/** Numbers from a seed: SHA-256 in counter mode, 48 bits at a time. */
class Random {
  private readonly seed: string;
  private drawn = 0;
  constructor(seed: string) {
    this.seed = seed;
  }

  /** A whole number from 0 to count − 1. The bias is below count / 2^48. */
  below(count: number): number {
    const digest = createHash('sha256')
      .update(`${this.seed}\0${this.drawn++}`)
      .digest();
    return Math.floor((digest.readUIntBE(0, 6) / 2 ** 48) * count);
  }
}

function drawOne(spec: ValuesSpec, parameter: string, at: Path, unit: Unit | undefined, random: Random): Assignment {
  if (spec.values !== undefined) {
    const choices = listed(parameter, spec, at, unit);
    return choices[random.below(choices.length)]!;
  }
  const { step, times, scale } = spec.range!;
  if (times !== undefined) throw new SweepFault([...at, 'times'], 'has no meaning in random', 'step, or scale: log');
  const [first, last] = bounds(spec, at, unit);
  const add = step === undefined ? 1 : readNumber(step, unit, [...at, 'step']);
  if (add <= 0) throw new SweepFault([...at, 'step'], 'is not above 0', 'a number above 0');
  const steps = Math.floor((last - first) / add);
  let drawn: number;
  if (scale === 'log') {
    const unitInterval = random.below(2 ** 40) / 2 ** 40;
    const low = Math.max(1, first);
    drawn = Math.min(steps, Math.max(0, Math.round((low * (last / low) ** unitInterval - first) / add)));
  } else drawn = random.below(steps + 1);
  const value = first + add * drawn;
  return { parameter, value: unit === undefined ? value : writeNumber(value, unit), origin: at };
}

type UnitOf = (parameter: string) => Unit | undefined;

function draw(random: NonNullable<SweepSpec['random']>, unitOf: UnitOf): Combination[] {
  const { count, seed, values } = random;
  const source = new Random(`sweep\0${seed}`);
  const found = new Map<string, Combination>();
  for (let tries = 0; found.size < count; tries++) {
    if (tries > 1000 + 20 * count) {
      const problem = `only ${found.size} different combinations were found`;
      throw new SweepFault(['sweep', 'random', 'count'], problem, 'a smaller count, or more values');
    }
    const combination = Object.entries(values).map(([parameter, spec]) =>
      drawOne(spec, parameter, ['sweep', 'random', 'values', parameter], unitOf(parameter), source),
    );
    const key = JSON.stringify(combination.map(({ value }) => value));
    if (!found.has(key)) found.set(key, combination);
  }
  return [...found.values()];
}

function zipped(zip: Readonly<Record<string, ValuesSpec>>, unitOf: UnitOf): Combination[] {
  const columns = Object.entries(zip).map(([parameter, spec]) =>
    listed(parameter, spec, ['sweep', 'zip', parameter], unitOf(parameter)),
  );
  const length = columns[0]?.length ?? 0;
  const odd = columns.find((column) => column.length !== length);
  if (odd !== undefined) {
    const parameter = odd[0]?.parameter ?? '';
    const problem = `has ${odd.length} values, ${columns[0]?.[0]?.parameter} has ${length}`;
    throw new SweepFault(['sweep', 'zip', parameter], problem, 'lists of one length');
  }
  return Array.from({ length }, (_, row) => columns.map((column) => column[row]!));
}

function product(groups: readonly (readonly Combination[])[]): Combination[] {
  const size = groups.reduce((cells, group) => cells * group.length, 1);
  if (size > MAX_CELLS) throw new SweepFault(['sweep'], `has ${size} combinations`, `at most ${MAX_CELLS}`);
  return groups.reduce<Combination[]>(
    (before, group) => before.flatMap((left) => group.map((right) => [...left, ...right])),
    [[]],
  );
}

/**
 * All combinations, in order; without a sweep, the empty one.
 * @param unitOf unit of the place that a parameter leads to
 * @throws SweepFault
 */
export function combinations(sweep: SweepSpec, unitOf: UnitOf): Combination[] {
  const groups: Combination[][] = [];
  for (const [parameter, spec] of Object.entries(sweep.grid ?? {})) {
    const column = listed(parameter, spec, ['sweep', 'grid', parameter], unitOf(parameter));
    groups.push(column.map((assignment) => [assignment]));
  }
  if (Object.keys(sweep.zip ?? {}).length > 0) groups.push(zipped(sweep.zip!, unitOf));
  if (sweep.list !== undefined) {
    groups.push(
      sweep.list.map((item, index) =>
        Object.entries(item).map(([parameter, value]) => ({
          parameter,
          value,
          origin: ['sweep', 'list', index, parameter],
        })),
      ),
    );
  }
  if (sweep.random !== undefined) groups.push(draw(sweep.random, unitOf));
  return product(groups);
}

/** Seed of a repeat: the scenario's own for repeat 0, else the start of SHA-256("<seed>\0repeat\0<repeat>"). */
export function repeatSeed(seed: number, repeat: number): number {
  if (repeat === 0) return seed;
  return createHash('sha256').update(`${seed}\0repeat\0${repeat}`).digest().readUInt32BE(0);
}

/** Seeds of so many repeats. One that was there is passed over: among 77,000 seeds of 32 bits, two are likely to be equal. */
export function repeatSeeds(seed: number, repeats: number): readonly number[] {
  const seeds = new Set<number>();
  for (let repeat = 0; seeds.size < repeats; repeat++) seeds.add(repeatSeed(seed, repeat));
  return [...seeds];
}
