/** Rows and columns of text: numbers to the right, everything else to the left. */

export interface GridColumn {
  readonly heading: string;
  readonly right?: boolean;
}

/** Longest text shown in a column of a terminal's table. */
const MAX_WIDTH = 64;

const cut = (text: string): string => (text.length > MAX_WIDTH ? `${text.slice(0, MAX_WIDTH - 1)}…` : text);

export function renderGrid(columns: readonly GridColumn[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ heading }) => heading), ...rows.map((row) => row.map(cut))];
  const widths = columns.map((_, index) => all.reduce((width, row) => Math.max(width, (row[index] ?? '').length), 0));
  const lines = all.map((row) =>
    columns
      .map(({ right }, index) => {
        const text = row[index] ?? '';
        return right === true ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0);
      })
      .join('  ')
      .trimEnd(),
  );
  const rule = '─'.repeat(Math.max(...lines.map((line) => line.length)));
  return `${[lines[0], rule, ...lines.slice(1)].join('\n')}\n`;
}
