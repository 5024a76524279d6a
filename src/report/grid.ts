/** Tables of a report, before they are HTML or Markdown. */
import type { Tone } from '../experiment/cell.js';

export interface Grid {
  readonly headings: readonly { readonly text: string; readonly about: string; readonly right: boolean }[];
  readonly rows: readonly (readonly string[])[];
  /** How fields look, where that says something; the first column then names the rows. */
  readonly tones?: readonly (readonly (Tone | undefined)[])[];
  /** Rows that were left out. */
  readonly omitted: number;
  readonly caption: string;
}

/** 1234567 → 1,234,567; fractions with four significant digits. */
export function figure(number: number): string {
  const text = Number.isInteger(number) ? String(number) : String(Number(number.toPrecision(4)));
  return /^-?\d{5,}$/.test(text) ? text.replace(/\B(?=(\d{3})+$)/g, ',') : text;
}
