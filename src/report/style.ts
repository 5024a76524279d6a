/** How pictures look. */

/** Colours that stand out on white and on black alike, also for most colour-blind readers. */
export const PALETTE = ['#2f81c7', '#d9730d', '#2a9d6f', '#c2456b', '#8467d7', '#8a8f98', '#a88a16', '#17a2b0'];
/** Stands for `currentColor`, which Vega does not know; svg.ts puts it in. */
export const INK = '#010203';

export const CONFIG = {
  background: null,
  font: 'system-ui, sans-serif',
  view: { stroke: null },
  axis: {
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: INK,
    gridOpacity: 0.14,
    labelFontSize: 12,
    titleFontSize: 13,
    titleFontWeight: 'normal',
    titlePadding: 10,
    labelOverlap: 'greedy',
    labelLimit: 160,
  },
  legend: {
    labelColor: INK,
    titleColor: INK,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 220,
    titleLimit: 220,
  },
  header: { labelColor: INK, titleColor: INK, labelFontSize: 12, titleFontSize: 13, titleFontWeight: 'normal' },
  range: { category: PALETTE },
  mark: { color: PALETTE[0] },
};
