/** Vega-Lite → SVG text, without a DOM and without a network. Vega is loaded with the first chart. */
import type { Spec } from 'vega';
import type { TopLevelSpec } from 'vega-lite';
import type { Chart } from './charts.js';
import { INK } from './style.js';

/**
 * @param prefix of the ids in it, so that they do not meet those of another picture in the same document
 * @returns an `<svg>` whose text and axes follow the colour of what surrounds it
 */
export async function renderSvg(chart: Chart, prefix = 'chart'): Promise<string> {
  const [vega, lite] = await Promise.all([import('vega'), import('vega-lite')]);
  const spec = { ...chart.spec, data: { values: chart.data } } as unknown as TopLevelSpec;
  const logger = { level: () => logger, error: fail, warn: quiet, info: quiet, debug: quiet };
  function quiet(): typeof logger {
    return logger;
  }
  function fail(...told: readonly unknown[]): never {
    throw new Error(told.map(String).join(' '));
  }
  const compiled = lite.compile(spec, { logger: logger as never }).spec as Spec;
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logger: logger as never });
  try {
    const svg = renumbered(await view.toSVG(), prefix);
    return svg
      .replaceAll(INK, 'currentColor')
      .replace('<svg ', `<svg role="img" aria-label="${attribute(chart.title)}" `);
  } finally {
    view.finalize();
  }
}

/** Vega counts ids per process; the same chart gets the same ids here. */
function renumbered(svg: string, prefix: string): string {
  const ids = [...svg.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
  const fresh = (id: string): string => `${prefix}-${ids.indexOf(id)}`;
  return svg
    .replace(/\bid="([^"]+)"/g, (_, id: string) => `id="${fresh(id)}"`)
    .replace(/url\(#([^)]+)\)/g, (_, id: string) => `url(#${fresh(id)})`);
}

/** The same as a file of its own, readable on light and dark backgrounds. */
export function standalone(svg: string): string {
  const style = '<style>svg{color:#222}@media (prefers-color-scheme:dark){svg{color:#ddd}}</style>';
  return `${svg.replace(/^(<svg [^>]*>)/, `$1${style}`)}\n`;
}

export const attribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
