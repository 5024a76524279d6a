/** Charts for a scenario that asks for none: chosen by what varies. */
import type { ChartSpec, ParameterColumn } from '../experiment/cell.js';
import type { Frame } from './frame.js';

/** What readers want to know, in this order; those that vary are drawn. */
const METRICS = [
  ...['cycles', 'tlb_misses', 'exits', 'walk_ept', 'dma_read_bytes', 'dma_write_bytes', 'dma_faults'],
  ...['retired', 'page_faults', 'table_pages'],
];
const MAX_CHARTS = 4;
/** Values that colours, or facets, can tell apart. */
const FEW = 8;

interface Axis {
  readonly name: string;
  readonly count: number;
  readonly numeric: boolean;
}

export function defaultCharts(frame: Frame, parameters: readonly ParameterColumn[]): ChartSpec[] {
  const axes = parameters
    .map(({ name }) => (frame.columns.has(name) ? name : `param_${name}`))
    .map((name): Axis => {
      const count = frame.distinct(name).length;
      return { name, count, numeric: frame.columns.get(name)?.type === 'number' };
    })
    .filter(({ count }) => count > 1);
  const domains = frame.distinct('name').length;
  const varying = METRICS.filter((name) => !axes.some((axis) => axis.name === name) && frame.distinct(name).length > 1);
  const main = axes.find(({ numeric, count }) => numeric && count > 2) ?? axes[0];
  const byDomain: Partial<ChartSpec> = domains > 1 && domains <= FEW ? { colour: 'name' } : {};
  if (main === undefined) {
    const charts = varying.slice(0, MAX_CHARTS - 1).map((y): ChartSpec => ({ kind: 'bar', x: 'name', y }));
    return domains <= 60 ? [...charts, { kind: 'histogram', x: 'wall_run_ms' }] : [{ kind: 'histogram', x: 'cycles' }];
  }
  const rest = axes.filter((axis) => axis !== main);
  const series = rest.find(({ count }) => count <= FEW);
  const second = rest.find(({ numeric, count }) => numeric && count > FEW);
  const group: Partial<ChartSpec> =
    series === undefined ? byDomain : { colour: series.name, ...(domains > 1 && domains <= FEW && { facet: 'name' }) };
  const kind = main.numeric && main.count > 2 ? 'line' : main.count > 60 ? 'point' : 'bar';
  const charts = varying.slice(0, MAX_CHARTS - 1).map((y): ChartSpec => {
    if (second !== undefined) return { kind: 'heatmap', x: main.name, y: second.name, colour: y };
    return { kind, x: main.name, y, ...group };
  });
  const wall = { x: main.name, y: 'wall_run_ms', ...(series !== undefined && { colour: series.name }) };
  return [...charts, { kind, title: 'Real time to run a cell (differs from run to run)', ...wall }];
}
