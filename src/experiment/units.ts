/** Quantities with units, as people write them in scenarios: `4MiB`, `10ms`, `1GHz`, `20M`. */

export interface Unit {
  /** What is measured, for messages. */
  readonly name: string;
  /** Factor by suffix. The suffix '' stands for a plain number. */
  readonly factors: Readonly<Record<string, number>>;
  /** How to write one, for messages. */
  readonly examples: string;
}

/** Bytes. Binary units only: 4M could mean either, so it is refused. */
export const MEMORY: Unit = {
  name: 'a size',
  factors: { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 },
  examples: 'a size such as 4MiB, 512KiB or 1GiB',
};

/** Nanoseconds. A plain number has no unit and is refused. */
export const TIME: Unit = {
  name: 'a time',
  factors: { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, min: 60e9 },
  examples: 'a time such as 500us, 10ms or 2s',
};

/** Hertz. */
export const FREQUENCY: Unit = {
  name: 'a frequency',
  factors: { '': 1, Hz: 1, kHz: 1e3, MHz: 1e6, GHz: 1e9 },
  examples: 'a frequency such as 800MHz or 1GHz',
};

/** A number of things. */
export const COUNT: Unit = {
  name: 'a number',
  factors: { '': 1, k: 1e3, M: 1e6, G: 1e9 },
  examples: 'a number such as 500k, 20M or 1G',
};

const QUANTITY = /^([0-9]+(?:\.[0-9]+)?) ?([a-zµA-Z]*)$/;

/** @returns the quantity in base units, or undefined if `value` is not one of this unit */
export function parseQuantity(unit: Unit, value: unknown): number | undefined {
  const match = QUANTITY.exec(
    typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '',
  );
  const suffix = match?.[2] ?? '';
  const factor = Object.hasOwn(unit.factors, suffix) ? unit.factors[suffix] : undefined;
  if (match === null || factor === undefined) return undefined;
  const base = Number(match[1]) * factor;
  // 0.3 × 10⁹ may miss its integer by a rounding error; half a byte misses it by more.
  const rounded = Math.round(base);
  const slack = Math.max(1e-6, base * 4e-16);
  return Math.abs(base - rounded) <= slack && Number.isSafeInteger(rounded) ? rounded : undefined;
}

/** Writes a quantity with the largest suffix that keeps it an integer: 8388608 → `8MiB`. */
export function formatQuantity(unit: Unit, base: number): string {
  let best = '';
  let factor = 0;
  for (const [suffix, candidate] of Object.entries(unit.factors)) {
    if (candidate > factor && base % candidate === 0 && suffix !== 'min') [best, factor] = [suffix, candidate];
  }
  return factor === 0 ? String(base) : `${base / factor}${best}`;
}
