/** `ringfence report` */
import { oneLine, writeReport } from '../index.js';
import { asUsage } from './batch.js';
import { helpText, type Register } from './command.js';
import { EXIT } from './exit.js';
import type { Io } from './io.js';

export interface ReportArguments {
  readonly markdown?: boolean;
  readonly out?: string;
}

/** @returns the exit code */
export async function reportCommand(folder: string, args: ReportArguments, io: Io): Promise<number> {
  try {
    const format = args.markdown === true ? 'markdown' : 'html';
    const { report, charts, leftOut } = await writeReport(folder, args.out ?? folder, format);
    io.out.write(`${report}\n`);
    if (leftOut.length === 0) io.err.write(`${charts} ${charts === 1 ? 'chart' : 'charts'}\n`);
    for (const why of leftOut) io.err.write(`ringfence: left out: ${oneLine(why)}\n`);
    return leftOut.length === 0 ? EXIT.ok : EXIT.usage;
  } catch (error) {
    throw asUsage(error);
  }
}

export const registerReport: Register = (program, io, done) => {
  program
    .command('report')
    .description(
      "write a batch's results as one HTML file, with tables and charts, which needs no network; " +
        'picture, data and specification of each chart lie beside it in report/',
    )
    .argument('<dir>', 'folder of a finished batch')
    .option('--markdown', 'write report.md instead, for READMEs')
    .option('--out <folder>', 'where to write (default: the batch itself)')
    .addHelpText(
      'after',
      helpText(['ringfence report results/sweep', 'ringfence report results/sweep --markdown --out docs/sweep'], {
        0: 'written; the path is printed',
        2: 'the folder is wrong; or written without a chart that cannot be drawn',
      }),
    )
    .action(async (folder: string, args: ReportArguments) => done(await reportCommand(folder, args, io)));
};
