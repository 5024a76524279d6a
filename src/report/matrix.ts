/**
 * `kind: matrix`: a table of two columns against each other, such as attacks × modes, with a word in each field.
 *
 *   rows of the joined table ──group by y, x──▶ the first of `words:` whose condition holds, or the value of `colour`
 *                            ──▶ one word per field, or the share of each where repeats differ; the worst tone wins
 */
import type { ChartSpec, Tone } from '../experiment/cell.js';
import { median } from '../experiment/statistics.js';
import { BatchError, type Value } from '../experiment/tables.js';
import type { Chart } from './charts.js';
import { type Datum, type Frame, label, scaleOf, type View } from './frame.js';
import { figure, type Grid } from './grid.js';
import { CONFIG, INK } from './style.js';

/** From what one wants to see to what one must not miss. */
const RANK: readonly Tone[] = ['good', 'plain', 'warn', 'bad'];
/** Backgrounds on which dark text can be read, in pictures; the page has its own for dark screens. */
const FILLS: Readonly<Record<Tone, string>> = { good: '#a9dcc0', plain: '#dfe3e8', warn: '#f5dc94', bad: '#f2b0a8' };
const MAX_SIDE = 40;
/** What a row says that no condition fits. */
const NOTHING = '–';

interface Word {
  readonly text: string;
  readonly tone: Tone;
}

interface Field {
  readonly text: string;
  readonly tone: Tone;
  readonly samples: number;
}

/** @param place for messages: `report.charts.0` @throws BatchError */
export function makeMatrix(frame: Frame, chart: ChartSpec, place: string): Chart {
  const { x, y, colour, words, where } = chart;
  if (y === undefined) throw new BatchError(`${place}: y is missing; allowed: the column that the rows are`);
  if ((colour === undefined) === (words === undefined)) {
    const has = colour === undefined ? 'neither colour nor words' : 'both colour and words';
    throw new BatchError(`${place}: ${has}; allowed: the column that the fields show, or words with conditions`);
  }
  const names = { x, y, ...(colour !== undefined && { colour }) };
  for (const [role, name] of Object.entries(names)) frame.column(name, `${place}.${role}`);
  const views = frame.views(where, place).filter((at) => Object.values(names).every((name) => at(name) !== null));
  if (views.length === 0) {
    throw new BatchError(`${place}: nothing to draw${where === undefined ? '' : `: no row satisfies ${where}`}`);
  }
  const side = (name: string): Value[] => {
    const present = new Set(views.map((at) => at(name)));
    const values = frame.distinct(name).filter((value) => present.has(value));
    if (values.length <= MAX_SIDE) return values;
    throw new BatchError(`${place}: ${name} has ${values.length} values; allowed: a column with at most ${MAX_SIDE}`);
  };
  const [columns, rows] = [side(x), side(y)];
  const say = words === undefined ? undefined : speaker(frame, words, place);
  const field =
    say === undefined ? valueField(frame, colour ?? '', views) : (group: readonly View[]) => spoken(group.map(say));
  const fields = rows.map((row) =>
    columns.map((column): Field => {
      const group = views.filter((at) => at(x) === column && at(y) === row);
      return group.length === 0 ? { text: '', tone: 'plain', samples: 0 } : field(group);
    }),
  );
  const [head, stub] = [header(frame, x, columns), header(frame, y, rows)];
  const title = chart.title ?? `${colour ?? 'results'} by ${y} and ${x}`;
  const most = Math.max(...fields.flat().map(({ samples }) => samples));
  const caption = [
    most > 1 ? `Up to ${most} samples in a field; where they differ, the share of each.` : 'One sample in a field.',
    ...(where === undefined ? [] : [`Only rows with ${where}.`]),
  ].join(' ');
  const grid: Grid = {
    headings: [
      { text: `${stub.name} / ${head.name}`, about: `${stub.about}; ${head.about}`, right: false },
      ...head.values.map((text) => ({ text, about: `${head.name} ${text}`, right: false })),
    ],
    rows: fields.map((line, index) => [stub.values[index] ?? '', ...line.map(({ text }) => text)]),
    tones: fields.map((line) => [undefined, ...line.map(({ tone, samples }) => (samples > 0 ? tone : undefined))]),
    omitted: 0,
    caption,
  };
  const data = fields.flatMap((line, row) =>
    line.map(
      ({ text, tone, samples }, column): Datum => ({
        x: head.values[column] ?? '',
        y: stub.values[row] ?? '',
        word: text,
        tone,
        samples,
      }),
    ),
  );
  return { title, caption, data, grid, spec: picture(head, stub) };
}

/** The names of one side, in a unit for people. */
interface Side {
  readonly name: string;
  readonly about: string;
  readonly values: readonly string[];
}

function header(frame: Frame, name: string, values: readonly Value[]): Side {
  const column = frame.column(name, name);
  const { unit, factor } = column.type === 'number' ? scaleOf(column, values) : { unit: '', factor: 1 };
  const shown = values.map((value) => (typeof value === 'number' ? figure(value / factor) : String(value)));
  return { name: label(column, unit), about: column.about, values: shown };
}

function speaker(frame: Frame, words: NonNullable<ChartSpec['words']>, place: string): (at: View) => Word {
  const tests = words.map(({ when, word, tone = 'plain' }, index) => ({
    text: word,
    tone,
    holds: frame.test(when, `${place}.words.${index}.when`),
  }));
  return (at) => tests.find(({ holds }) => holds(at)) ?? { text: NOTHING, tone: 'plain' };
}

/** One word where all agree; else each with its share, the worst first. */
function spoken(said: readonly Word[]): Field {
  const counts = new Map<string, { word: Word; count: number }>();
  for (const word of said) {
    const known = counts.get(word.text);
    if (known === undefined) counts.set(word.text, { word, count: 1 });
    else known.count++;
  }
  const found = [...counts.values()].sort((a, b) => RANK.indexOf(b.word.tone) - RANK.indexOf(a.word.tone));
  const text =
    found.length === 1
      ? found[0]!.word.text
      : found.map(({ word, count }) => `${word.text} ${count}/${said.length}`).join(', ');
  return { text, tone: found[0]?.word.tone ?? 'plain', samples: said.length };
}

/** Fields of a column: medians of numbers, words of texts. */
function valueField(frame: Frame, name: string, views: readonly View[]): (group: readonly View[]) => Field {
  const column = frame.column(name, name);
  if (column.type !== 'number')
    return (group) => spoken(group.map((at) => ({ text: String(at(name)), tone: 'plain' })));
  const { factor, unit } = scaleOf(
    column,
    views.map((at) => at(name)),
  );
  return (group) => {
    const text = figure(median(group.map((at) => Number(at(name)))) / factor);
    return {
      text: unit === '' || unit === column.unit ? text : `${text} ${unit}`,
      tone: 'plain',
      samples: group.length,
    };
  };
}

function picture(head: Side, stub: Side): Record<string, unknown> {
  const longest = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));
  const width = Math.max(90, 8 * longest(head.values) + 16);
  const axis = { labelAngle: 0, labelLimit: 240, labelOverlap: false, ticks: false, domain: false };
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: CONFIG,
    width: { step: width },
    height: { step: 34 },
    encoding: {
      x: { field: 'x', type: 'ordinal', sort: head.values, axis: { ...axis, title: head.name, orient: 'top' } },
      y: { field: 'y', type: 'ordinal', sort: stub.values, axis: { ...axis, title: stub.name } },
    },
    layer: [
      {
        transform: [{ filter: 'datum.samples > 0' }],
        mark: { type: 'rect', cornerRadius: 3, stroke: INK, strokeOpacity: 0.15 },
        encoding: {
          color: {
            field: 'tone',
            type: 'nominal',
            scale: { domain: RANK, range: RANK.map((tone) => FILLS[tone]) },
            legend: null,
          },
        },
      },
      {
        mark: { type: 'text', fontSize: 12, color: '#1d2127', limit: width - 6 },
        encoding: { text: { field: 'word' } },
      },
    ],
  };
}
